import {
  describeMisplacedKeys,
  eventSchema,
  findMisplacedKeys,
  type ProblemError,
  sendEventBodySchema,
} from '@signalbox/api-contract'
import type { AcceptOutcome, AcceptRequest } from '@signalbox/pipeline'
import { idempotencyHeadersSchema, readIdempotency } from '../../events/read-idempotency.js'
import { readTraceParent } from '../../events/read-trace-parent.js'
import { takeEventRate } from '../../events/take-event-rate.js'
import { toEventAnswer } from '../../events/to-event-answer.js'
import { findDelayFault, toNewEvent } from '../../events/to-new-event.js'
import { type Answer, defineRoute, problem, WARNING_HEADER } from '../../route.js'

const EVENT_PATH = ['event']

/** What answers to sent events say of keys that are ignored where they stand. */
export const WARNING_HEADERS = {
  [WARNING_HEADER]:
    'only when the body has keys that are ignored where they stand, such as `deliverAfter` in an event: which, and where they belong',
}

/** Says which keys of a body that sends events are ignored where they stand. */
export const findSendWarning = (sent: unknown): string | undefined => describeMisplacedKeys(findMisplacedKeys(sent))

/** Sends one event. */
export const postEvent = defineRoute({
  method: 'POST',
  path: '/api/v1/events',
  operationId: 'sendEvent',
  summary: 'Send an event',
  description:
    '200 means that the event is durable. An id that was sent before is the same event: one that is still scheduled, ' +
    'at least 5 seconds ahead, takes the new payload, context and time; every other one stays as it is.',
  tags: ['Events'],
  access: 'secret',
  body: sendEventBodySchema,
  limitsDepth: true,
  ignoresUnknownKeys: true,
  findWarning: findSendWarning,
  requestHeaders: idempotencyHeadersSchema,
  responses: { 200: { description: 'the event, stored', headers: WARNING_HEADERS, schema: eventSchema } },
  problems: ['idempotency_conflict', 'event_too_large', 'unknown_account'],
  async handle(context, deps) {
    const { environment, body, bodyExtent } = context
    const now = new Date()
    const fault = findDelayFault(body.options, now)
    if (fault !== undefined) return problem('invalid', `${fault.pointer}: ${fault.message}`, { errors: [fault] })
    const sent = { input: body.event, path: EVENT_PATH, body: bodyExtent }
    const made = toNewEvent(sent, {
      environment,
      options: body.options,
      now,
      traceParent: readTraceParent(context.headers),
    })
    if ('error' in made) {
      const { error } = made
      return problem(made.isTooLarge ? 'event_too_large' : 'invalid', error.message, { errors: [error] })
    }
    const idempotency = readIdempotency(context)
    if (idempotency !== undefined && 'problem' in idempotency) return idempotency
    const rate = takeEventRate(deps, environment, 1)
    if ('problem' in rate) return rate
    const request: AcceptRequest = { environment, events: [made.event], bytes: bodyExtent.bytes }
    if (idempotency !== undefined) {
      request.idempotency = {
        ...idempotency,
        buildAnswer: ([event]) => ({ status: 200, body: JSON.stringify(event && toEventAnswer(event)) }),
      }
    }
    return toAnswer(await deps.acceptEvents(request), rate.headers)
  },
})

function toAnswer(outcome: AcceptOutcome, headers: Record<string, string> = {}): Answer {
  if (!outcome.ok) {
    return outcome.code === 'idempotency_conflict' ? answerIdempotencyConflict() : answerUnknownAccount()
  }
  if ('replayed' in outcome) return answerReplayed(outcome.replayed)
  const [event] = outcome.events
  if (event === undefined) throw new Error('An event was accepted and not given back')
  return { status: 200, body: toEventAnswer(event), headers }
}

/** What is wrong with an account that the environment does not know and does not make. */
export const UNKNOWN_ACCOUNT: ProblemError = {
  pointer: '/options/accountId',
  code: 'unknown_account',
  message: 'There is no account with this identifier, and the environment takes events of known accounts only',
}

/** Answers for such an account. */
export function answerUnknownAccount(): Answer {
  return problem('unknown_account', UNKNOWN_ACCOUNT.message, { errors: [UNKNOWN_ACCOUNT] })
}

/** Answers with what the first request with this key got. */
export function answerReplayed(replayed: { status: number; body: string }): Answer {
  return { status: replayed.status, text: replayed.body, headers: { 'idempotency-replayed': 'true' } }
}

/** Answers for a key that was used for something else. */
export function answerIdempotencyConflict(): Answer {
  return problem('idempotency_conflict', 'This Idempotency-Key was used for another request within the last 24 hours')
}
