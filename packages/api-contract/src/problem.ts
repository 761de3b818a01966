import { z } from 'zod'

/** What can be wrong with a request, or with us: one row per code. */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request is malformed' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  invalid_header: { status: 400, title: 'A header is not valid' },
  unauthenticated: { status: 401, title: 'No valid key' },
  key_in_url: { status: 401, title: 'A key was sent in the URL' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  unknown_route: { status: 404, title: 'No such route' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'Conflict' },
  already_delivered: { status: 409, title: 'The event is already delivered' },
  idempotency_conflict: { status: 409, title: 'The idempotency key was used for another request' },
  event_too_large: { status: 413, title: 'An event is too large' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  invalid: { status: 422, title: 'The request is not valid' },
  unknown_account: { status: 422, title: 'Unknown account' },
  limit_exceeded: { status: 422, title: 'A limit of the environment is exceeded' },
  filter_too_expensive: { status: 422, title: 'The filters cost too much on this event' },
  address_refused: { status: 422, title: 'The address is refused' },
  not_supported_yet: { status: 422, title: 'Not supported yet' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  storage_unavailable: { status: 503, title: 'Storage is unavailable' },
  overloaded: { status: 503, title: 'Too much work at once' },
} as const satisfies Record<string, { status: number; title: string }>

/** The stable name of a problem, to be handled by programs. */
export type ProblemCode = keyof typeof PROBLEMS

/** Media type of a problem (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** One fault of one value of a request. */
export const problemErrorSchema = z
  .object({
    pointer: z.string().describe('JSON pointer (RFC 6901) to the value; for parameters, their name'),
    code: z.string().describe('what is wrong, as a stable word'),
    message: z.string().describe('what is wrong, for people'),
  })
  .meta({ id: 'ProblemError' })

/** One fault of one value of a request. */
export type ProblemError = z.infer<typeof problemErrorSchema>

/** Every answer from 400 on (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('identifies the kind of problem: `urn:signalbox:problem:<code>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('identifies this one occurrence; quote it when you ask for help'),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    error: z.string().describe('the same text as `detail`, for older clients'),
    errors: z.array(problemErrorSchema).optional(),
  })
  .meta({ id: 'Problem' })

/** Every answer from 400 on (RFC 9457). */
export type Problem = z.infer<typeof problemSchema>

/** What is said of a problem beyond its code. */
export interface ProblemFacts {
  detail: string
  /** Unique for each occurrence. */
  instance: string
  errors?: readonly ProblemError[] | undefined
}

/** Writes the body of a problem; the same text stands in `detail` and `error`. */
export function toProblem(code: ProblemCode, { detail, instance, errors }: ProblemFacts): Problem {
  const { status, title } = PROBLEMS[code]
  return {
    type: `urn:signalbox:problem:${code}`,
    title,
    status,
    detail,
    instance,
    code,
    error: detail,
    ...(errors !== undefined && { errors: [...errors] }),
  }
}
