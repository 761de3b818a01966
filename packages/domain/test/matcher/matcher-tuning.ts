import type { DispatcherRule } from '../../src/dispatcher.js'
import { createEventMatcher, type EventMatcher, type MatcherShapes } from '../../src/matcher/index.js'

/** Sizes at which the matcher changes its ways. */
export type Tuning = NonNullable<NonNullable<Parameters<typeof createEventMatcher>[1]>['tuning']>

/** Every structure is in use from the first rule on. */
const EAGER: Tuning = {
  scanMax: 0,
  sievedMax: 0,
  chainMax: 1,
  rangesMin: 1,
  gatesMin: 1,
  sampleEvery: 1,
  combinationsMin: 0,
}

/** How the proofs tune matchers: what happens once in a million rules, happens all the time in some of these. */
export const TUNINGS: Readonly<Record<string, Tuning>> = {
  'as it is': {},
  'few rules all at once from the first event on': { sievedAfter: 0, codedAfter: Infinity },
  'few rules all at once, by code of their own, from the first event on': { sievedAfter: 0, codedAfter: 0 },
  'every structure from the first rule on': EAGER,
  'of each hash three bits': { ...EAGER, keyMask: 0b111 },
  'of each hash nothing': { ...EAGER, keyMask: 0, signaturesMax: 1_000 },
}

/** Makes a matcher with a tuning; with shapes, it shares them with others. */
export function createTunedMatcher(
  tuning: Tuning,
  rules: Iterable<DispatcherRule> = [],
  shapes?: MatcherShapes,
): EventMatcher {
  return createEventMatcher(rules, { tuning, ...(shapes && { shapes }) })
}
