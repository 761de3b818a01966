import type { DispatcherRule, FilterLanguage } from '../dispatcher.js'
import { createWorkBudget, explainTree, type FilterExplanation, type FilterFailure } from '../filter/index.js'
import type { Json } from '../json.js'
import { RequestPayloadError } from '../request-payload.js'
import { isAccountCovered, isNameCovered, isSourceCovered } from './cover.js'
import { readFilteredValue } from './envelope.js'
import type { MatchableEvent } from './matchable-event.js'
import { readTrees, type RuleTrees } from './rule-shapes.js'

/** A dispatcher with what keeps it from taking events at all. */
export interface ExplainableRule {
  rule: DispatcherRule
  isEnabled: boolean
  isManual: boolean
  /** For webhooks: the endpoint that it sends to is disabled or gone. */
  isEndpointDisabled?: boolean
}

/** A condition of a dispatcher that an event does not fulfil; `payload`: a REQUEST payload that can not be read. */
export type MatchFailure =
  | { condition: 'name' | 'source' | 'account' | 'disabled' | 'endpoint_disabled' | 'manual' | 'expired' }
  | { condition: 'payload'; message: string }
  | { condition: 'payloadFilter' | 'contextFilter'; failure: FilterFailure }

/**
 * Gives every condition of one dispatcher that an event does not fulfil, of each filter the first; nothing when it takes the
 * event. Looks only as far as it is asked: who wants the first alone takes the first. Throws `FilterTooExpensiveError`
 * when the filters cost too much on this event.
 */
export function* explainMatch(
  { rule, isEnabled, isManual, isEndpointDisabled = false }: ExplainableRule,
  event: MatchableEvent,
  now: Date,
): Generator<MatchFailure, void> {
  yield* explainAddress(rule, event)
  if (!isEnabled) yield { condition: 'disabled' }
  if (isEndpointDisabled) yield { condition: 'endpoint_disabled' }
  if (isManual) yield { condition: 'manual' }
  if (rule.expiresAt !== null && rule.expiresAt <= now) yield { condition: 'expired' }
  yield* explainTrees(readTrees(rule), event)
}

/** The conditions on name, source and account that an event does not fulfil. */
export function* explainAddress(
  rule: { eventNames: readonly string[]; source: string; externalAccountId: string | null },
  event: MatchableEvent,
): Generator<MatchFailure, void> {
  if (!rule.eventNames.some((entry) => isNameCovered(entry, event.name))) yield { condition: 'name' }
  if (!isSourceCovered(rule, event)) yield { condition: 'source' }
  if (!isAccountCovered(rule, event)) yield { condition: 'account' }
}

/** The conditions of filters that an event does not fulfil, of each filter the first. */
export function* explainTrees(
  { language, payload: wanted, context }: RuleTrees,
  event: MatchableEvent,
): Generator<MatchFailure, void> {
  const { budget = createWorkBudget() } = event
  if (wanted !== null) {
    const payload = readPayload(language, event)
    if ('message' in payload) yield { condition: 'payload', message: payload.message }
    else yield* explainPart('payloadFilter', explainTree(wanted, payload.value, budget))
  }
  if (context !== null) yield* explainPart('contextFilter', explainTree(context, event.readContext(), budget))
}

function readPayload(language: FilterLanguage, event: MatchableEvent): { value: Json } | { message: string } {
  try {
    return { value: readFilteredValue(language, event) }
  } catch (error) {
    if (error instanceof RequestPayloadError) return { message: error.message }
    throw error
  }
}

function* explainPart(
  condition: 'payloadFilter' | 'contextFilter',
  explained: FilterExplanation,
): Generator<MatchFailure, void> {
  if (!explained.matches) yield { condition, failure: explained.failure }
}
