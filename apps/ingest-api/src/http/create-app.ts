import type { RequestListener } from 'node:http'
import type { HealthHandlers, Logger } from '@signalbox/runtime'
import { HEALTH_PATHS } from '@signalbox/runtime'
import cors from 'cors'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { problem, type Route } from '../route.js'
import { sendAnswer } from './send-answer.js'
import { type HandlerDeps, type RouteHandler, sendFailure, toHandler } from './to-handler.js'

/** What the application is made of. */
export interface AppOptions extends HandlerDeps {
  routes: readonly Route[]
  health: HealthHandlers
  /** The routes of health that are answered; what is not among them is as unknown as any other path. */
  healthRoutes: readonly (keyof HealthHandlers)[]
  /** Adds the documentation. */
  mountDocs: (app: Express) => void
}

/** A browser may keep the answer to a preflight for so long. */
const PREFLIGHT_SECONDS = 600

/**
 * Makes what answers requests: an Express application, and before it a table of the paths that need nothing of Express.
 * Its router and its prototypes cost as much as all that we do for an event, so sending one goes around them.
 */
export function createApp(options: AppOptions): RequestListener {
  const handlers = new Map(options.routes.map((route) => [route, toHandler(route, options)]))
  const app = createExpressApp(options, handlers)
  const exact = new Map<string, RouteHandler>()
  for (const [route, handler] of handlers) {
    // Public routes have CORS from Express, and parameters are read by its router.
    if (route.access === 'secret' && !route.path.includes(':')) exact.set(`${route.method} ${route.path}`, handler)
  }
  return (request, response) => {
    const handler = exact.get(`${request.method} ${request.url}`)
    if (handler === undefined) app(request, response)
    else handler(request, response)
  }
}

// Routes come first, in the order of the list, so the busiest is matched at once.
function createExpressApp(options: AppOptions, handlers: ReadonlyMap<Route, RouteHandler>): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  const openToBrowsers = cors({ origin: '*', maxAge: PREFLIGHT_SECONDS })
  for (const [route, handler] of handlers) {
    const method = route.method.toLowerCase() as Lowercase<Route['method']>
    if (route.access === 'secret') app[method](route.path, handler)
    else app[method](route.path, openToBrowsers, handler)
  }
  for (const name of options.healthRoutes) app.get(HEALTH_PATHS[name], options.health[name])
  options.mountDocs(app)
  mountOtherMethods(app, options)
  app.use((_request: Request, response: Response) => {
    sendAnswer(response, problem('unknown_route', 'There is nothing at this path'))
  })
  app.use(createErrorHandler(options.logger))
  return app
}

/** For each path: OPTIONS says what is allowed, everything else that is not gets 405. */
function mountOtherMethods(app: Express, { routes, healthRoutes }: AppOptions): void {
  const allowed = new Map<string, Set<string>>()
  for (const { path, method } of routes) {
    const methods = allowed.get(path) ?? new Set(['OPTIONS'])
    methods.add(method)
    if (method === 'GET') methods.add('HEAD')
    allowed.set(path, methods)
  }
  for (const name of healthRoutes) allowed.set(HEALTH_PATHS[name], new Set(['GET', 'HEAD', 'OPTIONS']))
  for (const [path, methods] of allowed) {
    const open = routes.filter((route) => route.path === path && route.access === 'secret-or-public')
    if (open.length > 0) {
      const names = open.map((route) => route.method)
      app.options(path, cors({ origin: '*', methods: names, maxAge: PREFLIGHT_SECONDS }))
    }
    const headers = { allow: [...methods].sort().join(', ') }
    app.all(path, (request, response) => {
      if (request.method === 'OPTIONS') sendAnswer(response, { status: 204, headers })
      else sendAnswer(response, problem('method_not_allowed', `Allowed here: ${headers.allow}`, { headers }))
    })
  }
}

function createErrorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    // Express's router marks so what it can't decode in a path.
    if (typeof error === 'object' && error !== null && (error as { status?: unknown }).status === 400) {
      sendAnswer(response, problem('malformed_request', 'The path is not percent-encoded as RFC 3986 says'))
      return
    }
    sendFailure(response, { error, logger, operation: request.method })
  }
}
