import { expect } from '@jest/globals'
import { createWorkBudget, EVENT_STEPS_MAX, FilterTooExpensiveError } from '../../src/filter/index.js'
import type { EventMatcher, MatchResult } from '../../src/matcher/index.js'
import { type EventCase, NOW_MS, toMatchable } from './draw-rules.js'

const NOW = new Date(NOW_MS)

/**
 * Look-ups that one event may take, whatever stands in it and in the filters: those that it pays for with steps, and a
 * few for each of the ways in which filters are looked up.
 */
const PROBES_MAX = EVENT_STEPS_MAX

/** What a hostile match did: its answer or undefined when it was too expensive, and the work that it took. */
export interface Bounded {
  readonly ids: string[] | undefined
  readonly steps: number
  readonly candidates: number
  readonly probes: number
}

/** Matches with the budget that every event has; the work must be within its bounds, and the answer right. */
export function matchBounded(matcher: EventMatcher, event: EventCase): Bounded {
  const before = matcher.stats()
  const budget = createWorkBudget()
  let result: MatchResult | undefined
  try {
    result = matcher.match(toMatchable(event, { budget }), NOW)
  } catch (error) {
    if (!(error instanceof FilterTooExpensiveError)) throw error
  }
  const after = matcher.stats()
  const bounded = {
    ids: result?.dispatcherIds,
    steps: EVENT_STEPS_MAX - budget.stepsLeft,
    candidates: after.candidates - before.candidates,
    probes: after.probes - before.probes,
  }
  expect(bounded.probes).toBeLessThanOrEqual(PROBES_MAX)
  expect(bounded.candidates).toBeLessThanOrEqual(EVENT_STEPS_MAX)
  return bounded
}
