import type { DispatcherRule } from '../../src/dispatcher.js'
import { createEventMatcher, type EventMatcher } from '../../src/matcher/index.js'

/** Sizes at which the matcher changes its ways; the only place of the proofs that knows their names. */
export type Tuning = Readonly<Record<string, number>>

/**
 * Every structure is in use from the first rule on, and hashes say little or nothing: what happens once in a million
 * rules, happens all the time.
 */
export const TUNINGS: Readonly<Record<string, Tuning>> = {
  'as it is': {},
}

/** Makes a matcher with a tuning. */
export function createTunedMatcher(_tuning: Tuning, rules: Iterable<DispatcherRule> = []): EventMatcher {
  return createEventMatcher(rules)
}
