import type { FailedCondition, MatchExplanation } from '@signalbox/api-contract'
import type { StoredEventRecord } from '@signalbox/db'
import {
  type ExplainableRule,
  explainMatch,
  type FilterFailure,
  type MatchableEvent,
  type MatchFailure,
} from '@signalbox/domain'

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

/** Says of one dispatcher whether it takes an event now, and if not, which condition decides. */
export function explainRule(candidate: ExplainableRule, event: MatchableEvent, now: Date): MatchExplanation {
  const [failure] = explainMatch(candidate, event, now)
  const dispatcherId = candidate.rule.id
  if (failure === undefined) return { dispatcherId, matches: true }
  return { dispatcherId, matches: false, ...toFailedCondition(failure) }
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
