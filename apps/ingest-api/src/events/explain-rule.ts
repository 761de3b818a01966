import type { FailedCondition, MatchExplanation } from '@signalbox/api-contract'
import type { ExplainableDispatcher, StoredEventRecord } from '@signalbox/db'
import {
  ANY_SOURCE,
  createWorkBudget,
  describeLiterals,
  type DispatcherRule,
  EVENT_STEPS_MAX,
  explainMatch,
  type FilterFailure,
  FilterTooExpensiveError,
  type Json,
  type MatchableEvent,
  type MatchFailure,
  readRequestPayload,
} from '@signalbox/domain'

/** The stored event as matching reads it: its payload is read once, and all filters that it meets share one budget. */
export function toMatchable(event: StoredEventRecord): MatchableEvent {
  return {
    name: event.name,
    source: event.source,
    externalAccountId: event.externalAccountId,
    // What was read from a REQUEST payload is JSON, and is not read again for each candidate.
    payloadType: 'JSON',
    readPayload: readOnce(() => readRequestPayload(event.payloadType, event.payload)),
    readContext: () => event.context,
    readEnvelope: () => ({
      eventId: event.eventId,
      timestamp: event.timestamp,
      accountIdentifier: event.accountIdentifier,
    }),
    budget: createWorkBudget(),
  }
}

/**
 * Says of each dispatcher whether it takes an event now; if not, which condition decides, and if so, why it did not. Once
 * the budget of the event is used up, no further filter is tried.
 */
export function explainCandidates(
  candidates: readonly ExplainableDispatcher[],
  event: StoredEventRecord,
  now: Date,
): MatchExplanation[] {
  const matchable = toMatchable(event)
  return candidates.map((candidate) => {
    const failed = findFailed(candidate, matchable, now)
    return explainCandidate(candidate, event, failed)
  })
}

/** Says that filters were given up, and what helps. */
export function describeTooExpensive(): string {
  const steps = EVENT_STEPS_MAX.toLocaleString('en')
  return (
    `The filters would take more than ${steps} steps on this event: use fewer conditions on its long arrays and texts, ` +
    'or a smaller event'
  )
}

function readOnce(read: () => Json): () => Json {
  let result: { value: Json } | { error: unknown } | undefined
  return () => {
    result ??= attempt(read)
    if ('error' in result) throw result.error
    return result.value
  }
}

function attempt(read: () => Json): { value: Json } | { error: unknown } {
  try {
    return { value: read() }
  } catch (error) {
    return { error }
  }
}

function findFailed(candidate: ExplainableDispatcher, event: MatchableEvent, now: Date): FailedCondition | undefined {
  try {
    const [failure] = explainMatch(candidate, event, now)
    return failure && toFailedCondition(failure, candidate.rule, event)
  } catch (error) {
    if (!(error instanceof FilterTooExpensiveError)) throw error
    return { condition: 'too_expensive', message: describeTooExpensive() }
  }
}

function explainCandidate(
  candidate: ExplainableDispatcher,
  event: StoredEventRecord,
  failed: FailedCondition | undefined,
): MatchExplanation {
  const { rule, dispatchable, url, hasDelivery } = candidate
  const facts = { dispatcherId: rule.id, dispatchable, ...(url !== null && { url }), hasDelivery }
  if (failed !== undefined) return { ...facts, matches: false, ...failed }
  const note = hasDelivery ? undefined : findNote(candidate, event)
  return { ...facts, matches: true, ...(note !== undefined && { note }) }
}

/** Why a dispatcher that matches now has no delivery. */
function findNote(
  { createdAt, updatedAt }: ExplainableDispatcher,
  { state, deliveredAt, fanoutLimited }: StoredEventRecord,
): MatchExplanation['note'] {
  if (state !== 'delivered') return `event_${state}`
  // Its deliveries were decided then, by the dispatchers that there were.
  if (deliveredAt === null) return undefined
  if (createdAt > deliveredAt) return 'dispatcher_is_newer'
  if (updatedAt > deliveredAt) return 'dispatcher_was_changed'
  return fanoutLimited > 0 ? 'fanout_limited' : undefined
}

/** Writes down a condition for the API. It names nothing of ours, as the id of an account would be. */
export function toFailedCondition(
  failure: MatchFailure,
  rule: Pick<DispatcherRule, 'eventNames' | 'source' | 'filterLanguage'>,
  event: Pick<MatchableEvent, 'name' | 'source'>,
): FailedCondition {
  if ('failure' in failure) {
    // An event pattern sees the event with its payload in it.
    const whole = rule.filterLanguage === 'eventbridge' ? 'event' : 'payload'
    return toFailedFilter(failure, failure.condition === 'payloadFilter' ? whole : 'context')
  }
  const { condition } = failure
  if (condition === 'payload') return { condition, message: failure.message }
  const told = { condition, message: TEXTS[condition] }
  if (condition === 'name') return { ...told, expected: describeLiterals(rule.eventNames), actual: event.name }
  if (condition === 'source') return { ...told, expected: describeLiterals([rule.source]), actual: event.source }
  return told
}

const TEXTS = {
  name: 'The name is none of those that the dispatcher takes',
  source: `The source is not the one that the dispatcher takes; \`${ANY_SOURCE}\` takes any`,
  account: 'The account is not the one that the dispatcher is bound to',
  disabled: 'The dispatcher is disabled',
  endpoint_disabled: 'The webhook endpoint is disabled',
  manual: 'The dispatcher takes only what is replayed to it by name',
  expired: 'The time of the dispatcher has run out',
}

function toFailedFilter(
  { condition, failure }: Extract<MatchFailure, { failure: FilterFailure }>,
  part: string,
): FailedCondition {
  const { pointer, path, expected, actual } = failure
  const message = `${part}${path}: expected ${expected}`
  return { condition, message, pointer, path, expected, ...(actual !== undefined && { actual }) }
}
