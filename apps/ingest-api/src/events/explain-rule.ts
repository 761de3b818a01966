import type { MatchExplanation } from '@signalbox/api-contract'
import type { ExplainableRule, StoredEventRecord } from '@signalbox/db'
import { explainMatch, type FilterFailure, type MatchableEvent, RequestPayloadError } from '@signalbox/domain'

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
  const { rule } = candidate
  const base = { dispatcherId: rule.id, matches: false }
  if (!candidate.isEnabled) return { ...base, condition: 'disabled', message: 'the dispatcher is disabled' }
  if (candidate.isManual) return { ...base, condition: 'manual', message: 'the dispatcher is invoked by name only' }
  try {
    const failure = explainMatch(rule, event, now)
    if (failure === undefined) return { dispatcherId: rule.id, matches: true }
    if (!('failure' in failure)) return { ...base, condition: failure.condition, message: TEXTS[failure.condition] }
    return {
      ...base,
      condition: failure.condition,
      pointer: failure.failure.pointer,
      message: toText(failure.failure),
    }
  } catch (error) {
    if (!(error instanceof RequestPayloadError)) throw error
    return { ...base, condition: 'payload', message: error.message }
  }
}

const TEXTS = {
  name: "the event's name is not in its list",
  source: "the event's source is another",
  account: "the event's account is another",
  expired: 'its time is over',
}

function toText({ path, expected, actual }: FilterFailure): string {
  const found = actual === undefined ? 'nothing' : JSON.stringify(actual)
  return `${path === '' ? 'the value' : path}: expected ${expected}, found ${found}`
}
