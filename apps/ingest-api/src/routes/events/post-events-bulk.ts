import {
  booleanQuerySchema,
  type BulkItem,
  bulkItemSchema,
  eventSchema,
  parseBulkEvent,
  type ProblemError,
  PROBLEMS,
  sendEventsBodySchema,
  sendEventsEnvelopeSchema,
  summarizeErrors,
  toProblemErrors,
} from '@signalbox/api-contract'
import type { AcceptedEvent, NewEvent } from '@signalbox/domain'
import type { AcceptRequest } from '@signalbox/pipeline'
import { z } from 'zod'
import type { ApiDeps } from '../../api-deps.js'
import { type IdempotencyHashes, idempotencyHeadersSchema, readIdempotency } from '../../events/read-idempotency.js'
import { readTraceParent } from '../../events/read-trace-parent.js'
import { takeEventRate } from '../../events/take-event-rate.js'
import { toEventAnswer } from '../../events/to-event-answer.js'
import { type EventSetting, findDelayFault, toNewEvent } from '../../events/to-new-event.js'
import type { BodyExtent } from '../../http/parse-json-body.js'
import { type Answer, defineRoute, problem } from '../../route.js'
import {
  answerIdempotencyConflict,
  answerReplayed,
  answerUnknownAccount,
  findSendWarning,
  UNKNOWN_ACCOUNT,
  WARNING_HEADERS,
} from './post-event.js'

/** Faults that one answer names. */
const ERRORS_MAX = 20

/** Sends many events. */
export const postEventsBulk = defineRoute({
  method: 'POST',
  path: '/api/v1/events/bulk',
  operationId: 'sendEvents',
  summary: 'Send many events',
  description:
    'One transaction: either all events are durable or none is. With `partial=true` every event is judged on its own, ' +
    'those that are valid are stored together, and the answer is 207 with one result for each, in order.',
  tags: ['Events'],
  access: 'secret',
  query: z.object({ partial: booleanQuerySchema.optional().describe('judge every event on its own') }),
  body: sendEventsEnvelopeSchema,
  documentedBody: sendEventsBodySchema,
  limitsDepth: true,
  ignoresUnknownKeys: true,
  findWarning: findSendWarning,
  requestHeaders: idempotencyHeadersSchema,
  responses: {
    200: { description: 'the events, stored, in order', headers: WARNING_HEADERS, schema: z.array(eventSchema) },
    207: {
      description: 'with `partial=true`: one result for each event, in order',
      headers: WARNING_HEADERS,
      schema: z.array(bulkItemSchema),
    },
  },
  problems: ['idempotency_conflict', 'event_too_large', 'limit_exceeded', 'unknown_account'],
  async handle(context, deps) {
    const { environment, body } = context
    const { bulkEventsMax } = environment.limits
    if (body.events.length > bulkEventsMax) {
      const error = {
        pointer: '/events',
        code: 'too_many',
        message: `More than ${bulkEventsMax} events in one request`,
      }
      return problem('limit_exceeded', error.message, { errors: [error] })
    }
    const now = new Date()
    const fault = findDelayFault(body.options, now)
    if (fault !== undefined) return problem('invalid', `${fault.pointer}: ${fault.message}`, { errors: [fault] })
    const idempotency = readIdempotency(context)
    if (idempotency !== undefined && 'problem' in idempotency) return idempotency
    const traceParent = readTraceParent(context.headers)
    const setting: EventSetting = { environment, options: body.options, now, traceParent }
    const judged = judgeEvents(body.events, setting, context.bodyExtent)
    const rate = takeEventRate(deps, environment, body.events.length)
    if ('problem' in rate) return rate
    const { bytes } = context.bodyExtent
    const bulk: Bulk = { judged, setting, idempotency, bytes, headers: rate.headers ?? {} }
    return context.query.partial ? sendPartial(bulk, deps) : sendAll(bulk, deps)
  },
})

/** An event that can be stored, or what is wrong with it. */
type Judged = { event: NewEvent } | { refusal: Refusal }

interface Refusal {
  code: 'invalid' | 'event_too_large' | 'unknown_account'
  errors: ProblemError[]
}

interface Bulk {
  judged: Judged[]
  setting: EventSetting
  idempotency: IdempotencyHashes | undefined
  bytes: number
  headers: Record<string, string>
}

/** Each repeat of an id is a round of its own in the transaction: more than a few hold up everyone who waits for one. */
const REPEATS_MAX = 20

function judgeEvents(events: unknown[], setting: EventSetting, body: BodyExtent): Judged[] {
  const seen = new Map<string, number>()
  return events.map((sent, index): Judged => {
    const path = ['events', index]
    const parsed = parseBulkEvent(sent)
    if (!parsed.success) return { refusal: { code: 'invalid', errors: toProblemErrors(parsed.error.issues, path) } }
    const made = toNewEvent({ input: parsed.data, path, body }, setting)
    if ('event' in made) {
      const count = (seen.get(made.event.eventId) ?? 0) + 1
      seen.set(made.event.eventId, count)
      if (count <= REPEATS_MAX) return made
      const message = `The id stands more than ${REPEATS_MAX} times in one request`
      return { refusal: { code: 'invalid', errors: [{ pointer: `/events/${index}/id`, code: 'too_many', message }] } }
    }
    return { refusal: { code: made.isTooLarge ? 'event_too_large' : 'invalid', errors: [made.error] } }
  })
}

async function sendAll({ judged, setting, idempotency, bytes, headers }: Bulk, deps: ApiDeps): Promise<Answer> {
  const refusals = judged.flatMap((one) => ('refusal' in one ? [one.refusal] : []))
  const [first] = refusals
  if (first !== undefined) {
    const errors = refusals.flatMap((refusal) => refusal.errors).slice(0, ERRORS_MAX)
    return problem(first.code, summarizeErrors(errors), { errors })
  }
  const events = judged.flatMap((one) => ('event' in one ? [one.event] : []))
  if (events.length === 0) return { status: 200, body: [], headers }
  const request: AcceptRequest = { environment: setting.environment, events, bytes }
  if (idempotency !== undefined) {
    request.idempotency = {
      ...idempotency,
      buildAnswer: (accepted) => ({ status: 200, body: JSON.stringify(accepted.map(toEventAnswer)) }),
    }
  }
  const outcome = await deps.acceptEvents(request)
  if (!outcome.ok) {
    return outcome.code === 'idempotency_conflict' ? answerIdempotencyConflict() : answerUnknownAccount()
  }
  if ('replayed' in outcome) return answerReplayed(outcome.replayed)
  return { status: 200, body: outcome.events.map(toEventAnswer), headers }
}

// The account is an option of the whole call, so an unknown one refuses every event of it.
async function sendPartial({ judged, setting, idempotency, bytes, headers }: Bulk, deps: ApiDeps): Promise<Answer> {
  const events = judged.flatMap((one) => ('event' in one ? [one.event] : []))
  if (events.length === 0) return { status: 207, body: toItems(judged, []), headers }
  const request: AcceptRequest = { environment: setting.environment, events, bytes }
  if (idempotency !== undefined) {
    request.idempotency = {
      ...idempotency,
      buildAnswer: (accepted) => ({ status: 207, body: JSON.stringify(toItems(judged, accepted)) }),
    }
  }
  const outcome = await deps.acceptEvents(request)
  if (!outcome.ok) {
    if (outcome.code === 'idempotency_conflict') return answerIdempotencyConflict()
    const refusal: Refusal = { code: 'unknown_account', errors: [UNKNOWN_ACCOUNT] }
    const refused = judged.map((one) => ('event' in one ? { refusal } : one))
    return { status: 207, body: toItems(refused, []), headers }
  }
  if ('replayed' in outcome) return answerReplayed(outcome.replayed)
  return { status: 207, body: toItems(judged, outcome.events), headers }
}

type Item = Omit<BulkItem, 'event'> & { event?: ReturnType<typeof toEventAnswer> }

function toItems(judged: Judged[], accepted: AcceptedEvent[]): Item[] {
  const stored = accepted.values()
  return judged.map((one): Item => {
    if ('refusal' in one) {
      const { code, errors } = one.refusal
      return { status: PROBLEMS[code].status, error: { code, detail: summarizeErrors(errors), errors } }
    }
    const { value } = stored.next()
    if (value === undefined) throw new Error('An event was accepted and not given back')
    return { status: 200, event: toEventAnswer(value) }
  })
}
