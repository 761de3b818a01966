import { type EventInput, type EventOptions, isStorableDate, type ProblemError } from '@signalbox/api-contract'
import {
  createId,
  DEFAULT_EVENT_SOURCE,
  type Environment,
  isDeeperThan,
  isTestEvent,
  type Json,
  type NewEvent,
  toJsonPointer,
} from '@signalbox/domain'
import type { BodyExtent } from '../http/parse-json-body.js'
import { isEventTooLarge } from './is-event-too-large.js'

/** What all events of one request share. */
export interface EventSetting {
  environment: Environment
  options: EventOptions | undefined
  now: Date
  traceParent: string | undefined
}

/** An event that was sent, as JSON pointers and sizes see it. */
export interface SentEvent {
  input: EventInput
  /** Where it stands in the body. */
  path: readonly (string | number)[]
  /** The whole body: when it keeps within what one event may be, so does each event of it. */
  body: BodyExtent
}

/** A fault of an event, and whether it is one of size. */
export type EventFault = { error: ProblemError; isTooLarge: boolean }

/** Turns a validated input into an event to be stored, or says which limit of its environment it exceeds. */
export function toNewEvent(sent: SentEvent, setting: EventSetting): { event: NewEvent } | EventFault {
  const { input } = sent
  const payload = (input.payload ?? {}) as Json
  const context = (input.context ?? {}) as Json
  const fault = findLimitFault(sent, { payload, context }, setting.environment)
  if (fault !== undefined) return fault
  const { environment, options, now, traceParent } = setting
  const event: NewEvent = {
    id: createId(),
    eventId: input.id ?? createId(),
    name: input.name,
    source: input.source ?? DEFAULT_EVENT_SOURCE,
    timestamp: input.timestamp ?? now,
    payload,
    payloadType: input.payloadType ?? 'JSON',
    context,
    given: {
      payload: input.payload !== undefined && input.payload !== null,
      payloadType: input.payloadType !== undefined,
      context: input.context !== undefined && input.context !== null,
    },
    deliverAt: toDeliverAt(options, now),
    isTest: isTestEvent({ name: input.name, test: options?.test }, environment.type),
  }
  if (options?.accountId !== undefined) event.accountId = options.accountId
  if (options?.orderingKey !== undefined) event.orderingKey = options.orderingKey
  if (traceParent !== undefined) event.traceParent = traceParent
  return { event }
}

/** A delay that ends after the year 9999 can't be kept. */
export function findDelayFault(options: EventOptions | undefined, now: Date): ProblemError | undefined {
  const { deliverAt, deliverAfter } = options ?? {}
  if (deliverAt !== undefined || deliverAfter === undefined) return undefined
  if (deliverAfter <= 0 || isStorableDate(new Date(now.getTime() + deliverAfter * 1000))) return undefined
  const message = 'Expected a delay that ends before the year 10000'
  return { pointer: '/options/deliverAfter', code: 'invalid_date', message }
}

// The past means now, so that nothing is ever due before it was sent.
function toDeliverAt(options: EventOptions | undefined, now: Date): Date {
  if (options === undefined) return now
  const { deliverAt, deliverAfter = 0 } = options
  if (deliverAt !== undefined) return deliverAt > now ? deliverAt : now
  return deliverAfter > 0 ? new Date(now.getTime() + deliverAfter * 1000) : now
}

function findLimitFault(
  { input, path, body }: SentEvent,
  values: { payload: Json; context: Json },
  { limits }: Environment,
): EventFault | undefined {
  const tooDeep = body.depth > limits.nestingDepthMax ? findTooDeep(values, limits.nestingDepthMax) : undefined
  if (tooDeep !== undefined) {
    const message = `Nested deeper than ${limits.nestingDepthMax} levels`
    return { error: { pointer: toJsonPointer([...path, tooDeep]), code: 'too_deep', message }, isTooLarge: false }
  }
  if (!isEventTooLarge(input, body, limits.eventBytesMax)) return undefined
  const message = `The event is larger than ${limits.eventBytesMax} bytes`
  return { error: { pointer: toJsonPointer(path), code: 'too_large', message }, isTooLarge: true }
}

function findTooDeep(values: { payload: Json; context: Json }, depthMax: number): 'payload' | 'context' | undefined {
  return (['payload', 'context'] as const).find((key) => isDeeperThan(values[key], depthMax))
}
