import type { IncomingHttpHeaders } from 'node:http'
import type { ProblemCode, ProblemError } from '@signalbox/api-contract'
import type { Environment } from '@signalbox/domain'
import type { z } from 'zod'
import type { ApiDeps } from './api-deps.js'
import type { BodyExtent } from './http/parse-json-body.js'

/** Tells of what was taken and may not have been meant so. */
export const WARNING_HEADER = 'Signalbox-Warning'

/** HTTP methods of routes. HEAD comes with GET; OPTIONS is answered for every path. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Which keys may call a route. Public keys live in browsers, so what they may call has open CORS. */
export type Access = 'secret' | 'secret-or-public'

/** The key that a request came with. */
export interface Credential {
  kind: 'secret' | 'public'
  keyId: string
}

/** What a handler gets: everything is parsed, validated and typed. */
export interface RouteContext<Params, Query, Body> {
  /** The tenant's environment that the key belongs to; it is a TenantScope. */
  environment: Environment
  credential: Credential
  params: Params
  query: Query
  body: Body
  /** The body as it was sent (inflated); empty when there is none. */
  rawBody: string
  bodyExtent: BodyExtent
  method: string
  /** Path and query as sent. */
  url: string
  headers: IncomingHttpHeaders
}

/** What a handler gives back: a body to be sent as JSON, JSON text that is ready to be sent, or a problem. */
export type Answer =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | { status: number; text: string; headers?: Record<string, string> }
  | ProblemAnswer

/** A problem, to be written as RFC 9457 says. Its status comes from the table of codes. */
export interface ProblemAnswer {
  problem: ProblemCode
  detail: string
  errors?: readonly ProblemError[] | undefined
  headers?: Record<string, string>
}

/** What the documentation says of one answer. */
export interface ResponseSpec {
  description: string
  /** Headers that it may have, and what they tell. */
  headers?: Readonly<Record<string, string>>
  /** Absent for an answer without a body. */
  schema?: z.ZodType
}

/** One endpoint: how it is called, documented and carried out. */
export interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  method: Method
  /** An Express path: `/api/v1/events/:id`. */
  path: `/${string}`
  operationId: string
  summary: string
  description?: string
  tags: readonly string[]
  access: Access
  params?: Params
  query?: Query
  /** A route without it takes no body; what is sent is not read. */
  body?: Body
  /** Also valid without any body at all; `body` then parses `{}`. */
  isBodyOptional?: boolean
  /** Ignores every key that it does not know, as trigger.dev v2 does; else one that looks misnamed is refused. */
  ignoresUnknownKeys?: boolean
  /** What to tell, in the header `Signalbox-Warning`, of a body that was taken and may not have been meant so. */
  findWarning?: (sent: unknown) => string | undefined
  /** The handler itself says how deep which part of the body may be; else the whole body is held to the limit. */
  limitsDepth?: boolean
  /** What the documentation shows as the body, where `body` leaves a part of validating to the handler. */
  documentedBody?: z.ZodType
  /** Headers that the route reads, for the documentation. */
  requestHeaders?: z.ZodObject
  responses: Readonly<Record<number, ResponseSpec>>
  /** Problems beyond those that every route can answer. */
  problems?: readonly ProblemCode[]
  handle(context: RouteContext<z.output<Params>, z.output<Query>, z.output<Body>>, deps: ApiDeps): Promise<Answer>
}

/** A route whose own types are forgotten, as the list holds it. */
export type Route = RouteSpec<z.ZodType, z.ZodType, z.ZodType>

/** Types a route object; gives it back as it is. */
export function defineRoute<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(route: RouteSpec<Params, Query, Body>): Route {
  // A handler is only ever called with what its own schemas gave.
  return route as unknown as Route
}

/** Says that a request can't be done, and why. */
export function problem(
  code: ProblemCode,
  detail: string,
  more: { errors?: readonly ProblemError[]; headers?: Record<string, string> } = {},
): ProblemAnswer {
  return { problem: code, detail, ...more }
}
