import type { FailedCondition } from '@signalbox/api-contract'
import type { StoredDispatcher } from '@signalbox/db'
import {
  ANY_SOURCE,
  createWorkBudget,
  DEFAULT_EVENT_SOURCE,
  type DispatcherRule,
  explainMatch,
  type Filter,
  type FilterLanguage,
  type Json,
  type JsonObject,
  type MatchableEvent,
  type PayloadType,
} from '@signalbox/domain'
import { toFailedCondition } from '../../events/explain-rule.js'

/** An event as a caller writes it down to try it; what is absent is what sending it so would give. */
export interface TriedEvent {
  name?: string | undefined
  payload?: unknown
  context?: unknown
  source?: string | undefined
  payloadType?: PayloadType | undefined
  accountId?: string | undefined
  id?: string | undefined
  timestamp?: Date | undefined
}

/** The conditions on what an event holds. Both were parsed when they were written. */
export interface TriedFilters {
  filterLanguage: FilterLanguage
  payloadFilter: JsonObject | null
  contextFilter: JsonObject | null
}

/** Every condition of a dispatcher that an event does not fulfil; of each filter the first. */
export function explainDispatcher(
  { dispatcher, isEndpointDisabled }: { dispatcher: StoredDispatcher; isEndpointDisabled: boolean },
  event: TriedEvent,
  now: Date,
): FailedCondition[] {
  const { id, eventNames, source, accountId, expiresAt, enabled, manual } = dispatcher
  // Accounts are compared by the tenant's own identifiers: the event that is tried names no other.
  const rule = {
    ...ANYTHING,
    ...toFilters(dispatcher),
    id,
    eventNames,
    source,
    externalAccountId: accountId,
    expiresAt,
  }
  const candidate = { rule, isEnabled: enabled, isManual: manual, isEndpointDisabled }
  const matchable = toMatchable(event, now)
  return Array.from(explainMatch(candidate, matchable, now), (failure) => toFailedCondition(failure, rule, matchable))
}

/** The first condition of each filter that an event does not fulfil. */
export function explainFilters(filters: TriedFilters, event: TriedEvent, now: Date): FailedCondition[] {
  const rule = { ...ANYTHING, ...toFilters(filters) }
  const matchable = toMatchable(event, now)
  const failures = explainMatch({ rule, isEnabled: true, isManual: false }, matchable, now)
  return Array.from(failures, (failure) => toFailedCondition(failure, rule, matchable))
}

/** A rule that takes every event. */
const ANYTHING: DispatcherRule = {
  id: '',
  eventNames: ['*'],
  source: ANY_SOURCE,
  filterLanguage: 'signalbox',
  payloadFilter: null,
  contextFilter: null,
  externalAccountId: null,
  expiresAt: null,
  once: false,
}

/** Gives filters as rules have them: a stored filter is always valid, and one of a body was parsed with it. */
export function toFilters(filters: TriedFilters): Pick<DispatcherRule, keyof TriedFilters> {
  return {
    filterLanguage: filters.filterLanguage,
    payloadFilter: filters.payloadFilter as Filter | null,
    contextFilter: filters.contextFilter as Filter | null,
  }
}

function toMatchable(event: TriedEvent, now: Date): MatchableEvent {
  const { name = '', source, accountId, payloadType, payload, context, id = '', timestamp = now } = event
  return {
    name,
    source: source ?? DEFAULT_EVENT_SOURCE,
    externalAccountId: accountId ?? null,
    payloadType: payloadType ?? 'JSON',
    readPayload: () => orEmpty(payload),
    readContext: () => orEmpty(context),
    readEnvelope: () => ({ eventId: id, timestamp, accountIdentifier: accountId ?? null }),
    budget: createWorkBudget(),
  }
}

/** Absent and null are stored as an empty object. */
function orEmpty(value: unknown): Json {
  return value === undefined || value === null ? {} : (value as Json)
}
