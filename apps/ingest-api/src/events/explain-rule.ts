import type { FailedCondition, MatchExplanation } from '@signalbox/api-contract'
import type { ExplainableDispatcher, StoredEventRecord } from '@signalbox/db'
import { explainMatch, type FilterFailure, type MatchableEvent, type MatchFailure } from '@signalbox/domain'

/** The stored event as matching reads it. */
export function toMatchable(event: StoredEventRecord): MatchableEvent {
  return {
    name: event.name,
    source: event.source,
    externalAccountId: event.externalAccountId,
    payloadType: event.payloadType,
    readPayload: () => event.payload,
    readContext: () => event.context,
  }
}

/** Says of one dispatcher whether it takes an event now; if not, which condition decides, and if so, why it did not. */
export function explainCandidate(
  candidate: ExplainableDispatcher,
  event: StoredEventRecord,
  now: Date,
): MatchExplanation {
  const [failure] = explainMatch(candidate, toMatchable(event), now)
  const { rule, dispatchable, url, hasDelivery } = candidate
  const facts = { dispatcherId: rule.id, dispatchable, ...(url !== null && { url }), hasDelivery }
  if (failure !== undefined) return { ...facts, matches: false, ...toFailedCondition(failure) }
  const note = hasDelivery ? undefined : findNote(candidate, event)
  return { ...facts, matches: true, ...(note !== undefined && { note }) }
}

/** Why a dispatcher that matches now has no delivery. */
function findNote(
  { createdAt, updatedAt }: ExplainableDispatcher,
  { state, deliveredAt }: StoredEventRecord,
): MatchExplanation['note'] {
  if (state !== 'delivered') return `event_${state}`
  // Its deliveries were decided then, by the dispatchers that there were.
  if (deliveredAt === null) return undefined
  if (createdAt > deliveredAt) return 'dispatcher_is_newer'
  return updatedAt > deliveredAt ? 'dispatcher_was_changed' : undefined
}

/** Writes down a condition for the API. It names nothing of ours, as the id of an account would be. */
export function toFailedCondition(failure: MatchFailure): FailedCondition {
  if ('failure' in failure) return toFailedFilter(failure.condition, failure.failure)
  const { condition } = failure
  return { condition, message: condition === 'payload' ? failure.message : TEXTS[condition] }
}

const TEXTS = {
  name: 'The name is none of those that the dispatcher takes',
  source: 'The source is not the one that the dispatcher takes',
  account: 'The account is not the one that the dispatcher is bound to',
  disabled: 'The dispatcher is disabled',
  endpoint_disabled: 'The webhook endpoint is disabled',
  manual: 'The dispatcher takes only what is replayed to it by name',
  expired: 'The time of the dispatcher has run out',
}

function toFailedFilter(
  condition: 'payloadFilter' | 'contextFilter',
  { pointer, path, expected, actual }: FilterFailure,
): FailedCondition {
  const part = condition === 'payloadFilter' ? 'payload' : 'context'
  const message = `${part}${path}: expected ${expected}`
  return { condition, message, pointer, path, expected, ...(actual !== undefined && { actual }) }
}
