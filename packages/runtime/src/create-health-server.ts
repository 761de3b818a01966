import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createHealthHandlers,
  HEALTH_PATHS,
  type HealthHandlers,
  type HealthOptions,
} from './create-health-handlers.js'

export interface HealthServerOptions extends HealthOptions {
  /** 0 takes a free port. */
  readonly port: number
  readonly host?: string
}

export interface HealthServer {
  /** Resolves to the port it listens on. */
  start(): Promise<number>
  stop(): Promise<void>
}

/** Enough for a body-less GET; slow or idle peers are cut off. */
const REQUEST_TIMEOUT_MS = 10_000

/** Serves health and metrics of a process on a port of its own. */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  const handlers = createHealthHandlers(options)
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(handlers, request, response)
  })
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, options.host ?? '0.0.0.0', () => {
          server.off('error', reject)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(handlers: HealthHandlers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0]
  const route = (Object.keys(HEALTH_PATHS) as (keyof typeof HEALTH_PATHS)[]).find((name) => HEALTH_PATHS[name] === path)
  try {
    if (route === undefined) response.writeHead(404).end()
    else if (request.method !== 'GET' && request.method !== 'HEAD')
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    else await handlers[route](request, response)
  } catch {
    if (!response.headersSent) response.writeHead(500)
    response.end()
  }
}
