import {
  describeIssue,
  findMisnamedKeys,
  PROBLEM_ERRORS_MAX,
  type ProblemCode,
  summarizeErrors,
  toProblemErrors,
} from '@signalbox/api-contract'
import type { Logger } from '@signalbox/runtime'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { ApiDeps } from '../api-deps.js'
import type { Authentication, Authenticator } from '../auth/create-authenticator.js'
import { readClientAddress, toCountedAddress } from '../auth/read-address.js'
import { type Answer, problem, type ProblemAnswer, type Route, WARNING_HEADER } from '../route.js'
import { answerError } from './answer-error.js'
import type { BodyBudget, TakeBytes } from './create-body-budget.js'
import { checkMediaType, DEPTH_OF_ANY_BODY_MAX, type JsonBody, parseJsonBody } from './parse-json-body.js'
import { readBody } from './read-body.js'
import { createInstance, sendAnswer, sendProblem } from './send-answer.js'

/** What turning routes into handlers needs. */
export interface HandlerDeps {
  api: ApiDeps
  authenticate: Authenticator
  logger: Logger
  bodyBudget: BodyBudget
  /** Proxies in front of us whose X-Forwarded-For is believed. */
  trustedProxies: number
  /** Told of every answer. */
  onAnswered: (route: Route, status: number, seconds: number) => void
  /** Told of every problem among them. */
  onProblem: (route: Route, code: ProblemCode) => void
}

/** A request as node gives it, with what Express reads from its path when the request came through Express. */
export type RouteRequest = IncomingMessage & { params?: unknown; query?: unknown; originalUrl?: string }

/** Answers one request; fits into Express and into a plain server. */
export type RouteHandler = (request: RouteRequest, response: ServerResponse) => void

/** Makes a handler of a route: authenticate → read → validate → handle → answer. */
export function toHandler(route: Route, deps: HandlerDeps): RouteHandler {
  return (request, response) => {
    const startedAt = performance.now()
    const note = (status: number): void => deps.onAnswered(route, status, (performance.now() - startedAt) / 1000)
    run(route, deps, { request, response })
      .then((answer) => {
        if ('problem' in answer) deps.onProblem(route, answer.problem)
        note(sendAnswer(response, answer))
      })
      .catch((error: unknown) => {
        deps.onProblem(route, answerError(error).problem)
        note(sendFailure(response, { error, logger: deps.logger, operation: route.operationId }))
      })
  }
}

/** Answers for an error that nobody expected; the answer says nothing of it, the log everything. */
export function sendFailure(
  response: ServerResponse,
  failure: { error: unknown; logger: Logger; operation: string },
): number {
  const answer = answerError(failure.error)
  const instance = createInstance()
  const level = answer.problem === 'internal' ? 'error' : 'warn'
  const { error, operation } = failure
  failure.logger[level]('request.failed', { operation, code: answer.problem, instance, error })
  return sendProblem(response, answer, instance)
}

interface Exchange {
  request: RouteRequest
  response: ServerResponse
}

async function run(route: Route, deps: HandlerDeps, { request, response }: Exchange): Promise<Answer> {
  const url = request.originalUrl ?? request.url ?? '/'
  const found: Authentication | Promise<Authentication> = deps.authenticate({
    authorization: request.headers.authorization,
    url,
    access: route.access,
    readAddress: () => toCountedAddress(readClientAddress(request, deps.trustedProxies)),
  })
  const who = found instanceof Promise ? await found : found
  if ('problem' in who) return who
  if (url.includes('%00')) return problem('malformed_request', 'The URL holds a NUL character')
  const { ignoresUnknownKeys = false } = route
  const params = parsePart('path', { schema: route.params, value: request.params, ignoresUnknownKeys: true })
  if ('problem' in params) return params
  const query = parsePart('query', { schema: route.query, value: request.query ?? {}, ignoresUnknownKeys })
  if ('problem' in query) return query
  const take = deps.bodyBudget.open(who.environment.environmentId, response)
  const json = await readJson(route, request, { limits: who.environment.limits, take })
  if ('problem' in json) return json
  const body = parsePart('body', { schema: route.body, value: json.value, ignoresUnknownKeys })
  if ('problem' in body) return body
  const answer = await route.handle(
    {
      ...who,
      params: params.value,
      query: query.value,
      body: body.value,
      rawBody: json.text,
      bodyExtent: json.extent,
      method: route.method,
      url,
      headers: request.headers,
    },
    deps.api,
  )
  const warning = 'problem' in answer ? undefined : route.findWarning?.(json.value)
  return warning === undefined ? answer : { ...answer, headers: { ...answer.headers, [WARNING_HEADER]: warning } }
}

const PARSING = { error: describeIssue }

const NO_EXTENT = { bytes: 0, depth: 0, numberCharacters: 0 }
const NO_BODY = { text: '', value: undefined, extent: NO_EXTENT }

async function readJson(
  route: Route,
  request: RouteRequest,
  { limits, take }: { limits: { bodyBytesMax: number; nestingDepthMax: number }; take: TakeBytes },
): Promise<JsonBody | typeof NO_BODY | ProblemAnswer> {
  if (route.body === undefined) return NO_BODY
  const isEmpty = request.headers['content-length'] === '0' || !hasBody(request)
  if (isEmpty && route.isBodyOptional) return { text: '', value: {}, extent: NO_EXTENT }
  const wrongType = checkMediaType(request.headers['content-type'])
  if (wrongType !== undefined) return wrongType
  const bytes = await readBody(request, { bytesMax: limits.bodyBytesMax, take })
  if ('problem' in bytes) return bytes
  if (bytes.length === 0 && route.isBodyOptional) return { text: '', value: {}, extent: NO_EXTENT }
  return parseJsonBody(bytes, route.limitsDepth ? DEPTH_OF_ANY_BODY_MAX : limits.nestingDepthMax)
}

function hasBody(request: RouteRequest): boolean {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
}

function parsePart(
  part: 'path' | 'query' | 'body',
  { schema, value, ignoresUnknownKeys }: { schema: z.ZodType | undefined; value: unknown; ignoresUnknownKeys: boolean },
): { value: unknown } | ProblemAnswer {
  if (schema === undefined) return { value: undefined }
  const result = schema.safeParse(value, PARSING)
  const misnamed = ignoresUnknownKeys ? [] : findMisnamedKeys(schema, value)
  if (result.success && misnamed.length === 0) return { value: result.data }
  // What was misnamed comes first: it is why the rest is missing.
  const told = new Set(misnamed.map(({ pointer }) => pointer))
  const others = toProblemErrors(result.error?.issues ?? []).filter(({ pointer }) => !told.has(pointer))
  const errors = [...misnamed, ...others].slice(0, PROBLEM_ERRORS_MAX)
  const where = part === 'body' ? '' : `in the ${part}, `
  return problem('invalid', `${where}${summarizeErrors(errors)}`, { errors })
}
