import type { FailedCondition } from '@signalbox/api-contract'
import type { StoredDispatcher } from '@signalbox/db'
import {
  ANY_SOURCE,
  DEFAULT_EVENT_SOURCE,
  explainFilter,
  type Filter,
  isNameCovered,
  type Json,
  type JsonObject,
  type PayloadType,
  readRequestPayload,
  RequestPayloadError,
} from '@signalbox/domain'

/** An event as a caller writes it down to try it; what is absent is what sending it so would give. */
export interface TriedEvent {
  name?: string | undefined
  payload?: unknown
  context?: unknown
  source?: string | undefined
  payloadType?: PayloadType | undefined
  accountId?: string | undefined
}

/** The conditions on what an event holds. Both were parsed when they were written. */
export interface TriedFilters {
  payloadFilter: JsonObject | null
  contextFilter: JsonObject | null
}

/** Every condition of a dispatcher that an event does not fulfil; of each filter the first. */
export function explainDispatcher(dispatcher: StoredDispatcher, event: TriedEvent, now: Date): FailedCondition[] {
  const { name = '', source = DEFAULT_EVENT_SOURCE, accountId } = event
  const failed: FailedCondition[] = []
  if (!dispatcher.eventNames.some((entry) => isNameCovered(entry, name))) {
    failed.push({ condition: 'name', message: `The name is none of: ${dispatcher.eventNames.join(', ')}` })
  }
  if (dispatcher.source !== ANY_SOURCE && dispatcher.source !== source) {
    failed.push({ condition: 'source', message: `The source is not ${dispatcher.source}` })
  }
  if (dispatcher.accountId !== null && dispatcher.accountId !== accountId) {
    failed.push({ condition: 'account', message: `The account is not ${dispatcher.accountId}` })
  }
  if (!dispatcher.enabled) failed.push({ condition: 'disabled', message: 'The dispatcher is disabled' })
  if (dispatcher.manual) {
    failed.push({ condition: 'manual', message: 'The dispatcher takes only what is replayed to it by name' })
  }
  if (dispatcher.expiresAt !== null && dispatcher.expiresAt <= now) {
    failed.push({ condition: 'expired', message: 'The time of the dispatcher has run out' })
  }
  return [...failed, ...explainFilters(dispatcher, event)]
}

/** The first condition of each filter that an event does not fulfil. */
export function explainFilters(filters: TriedFilters, event: TriedEvent): FailedCondition[] {
  const failed: FailedCondition[] = []
  if (filters.payloadFilter !== null) {
    const payload = readPayload(event)
    if (payload.ok) failed.push(...explain('payloadFilter', filters.payloadFilter, payload.value))
    else failed.push({ condition: 'payload', message: payload.message })
  }
  if (filters.contextFilter !== null) {
    failed.push(...explain('contextFilter', filters.contextFilter, orEmpty(event.context)))
  }
  return failed
}

/** Absent and null are stored as an empty object. */
function orEmpty(value: unknown): Json {
  return value === undefined || value === null ? {} : (value as Json)
}

type ReadPayload = { ok: true; value: Json } | { ok: false; message: string }

function readPayload({ payload, payloadType = 'JSON' }: TriedEvent): ReadPayload {
  try {
    return { ok: true, value: readRequestPayload(payloadType, orEmpty(payload)) }
  } catch (error) {
    if (error instanceof RequestPayloadError) return { ok: false, message: error.message }
    throw error
  }
}

function explain(condition: 'payloadFilter' | 'contextFilter', filter: JsonObject, value: Json): FailedCondition[] {
  // A stored filter is always valid, and one of a body was parsed with it.
  const explained = explainFilter(filter as Filter, value)
  if (explained.matches) return []
  const { pointer, path, expected, actual } = explained.failure
  const part = condition === 'payloadFilter' ? 'payload' : 'context'
  const message = `${part}${path}: expected ${expected}`
  return [{ condition, message, pointer, path, expected, ...(actual !== undefined && { actual }) }]
}
