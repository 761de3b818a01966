import type { DispatcherRule } from '../../src/dispatcher.js'
import { createWorkBudget } from '../../src/filter/index.js'
import type { EventMatcher, MatcherShapes, MatchResult } from '../../src/matcher/index.js'
import { RequestPayloadError } from '../../src/request-payload.js'
import { toMatchable, type EventCase } from './draw-rules.js'
import { createTunedMatcher, type Tuning } from './matcher-tuning.js'
import { coversName, createOracle, type Oracle, type Outcome } from './oracle.js'

/** One call to a matcher. */
export type Operation =
  | { readonly kind: 'add'; readonly rule: DispatcherRule }
  | { readonly kind: 'update'; readonly rule: DispatcherRule }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'match'; readonly event: EventCase; readonly fanoutMax?: number }
  | { readonly kind: 'explain'; readonly event: EventCase; readonly id: string }
  | { readonly kind: 'maintain'; readonly rulesMax: number }
  /** Takes out some rules, whichever; they are gone from then on. */
  | { readonly kind: 'drain'; readonly rulesMax: number }
  /** Does all work that is left; without rules, memory has to be back where it began. */
  | { readonly kind: 'settle' }

/** A matcher said something else than the rules one by one. */
export interface Disagreement {
  /** Index of the operation. */
  readonly at: number
  readonly wanted: unknown
  readonly got: unknown
}

/** What events may cost here: budgets have tests of their own. */
const STEPS_ENDLESS = 2 ** 50

/**
 * Does all operations on a new matcher, beside a map of the rules and a loop over it; gives the first answer that is
 * wrong. Adding what is there and removing what is not have answers too.
 */
export function runOperations(
  operations: readonly Operation[],
  tuning: Tuning,
  oracle: Oracle = createOracle(),
): Disagreement | undefined {
  const live = startLife(tuning, { oracle })
  for (const [at, operation] of operations.entries()) {
    const difference = live(operation)
    if (difference !== undefined) return { at, ...difference }
  }
  return undefined
}

/** Makes a matcher and the map beside it; gives what does one operation on both, and tells when they differ. */
export function startLife(
  tuning: Tuning,
  { oracle = createOracle(), shapes }: { oracle?: Oracle; shapes?: MatcherShapes } = {},
): (operation: Operation) => Difference {
  const matcher = createTunedMatcher(tuning, [], shapes)
  const state: State = { matcher, rules: new Map(), oracle, bytesEmpty: matcher.stats().bytes }
  return (operation) => {
    try {
      return runOperation(state, operation)
    } catch (error) {
      return { wanted: 'no exception', got: error instanceof Error ? error.stack : error }
    }
  }
}

interface State {
  readonly matcher: EventMatcher
  readonly rules: Map<string, DispatcherRule>
  readonly oracle: Oracle
  readonly bytesEmpty: number
}

type Difference = Omit<Disagreement, 'at'> | undefined

function runOperation(state: State, operation: Operation): Difference {
  const { matcher, rules, oracle } = state
  switch (operation.kind) {
    case 'add':
    case 'update':
      return putRule(state, operation) ?? compare(rules.size, matcher.size)
    case 'remove':
      return (
        compare(rules.delete(operation.id), matcher.remove(operation.id)) ??
        compare(false, matcher.has(operation.id)) ??
        compare(rules.size, matcher.size)
      )
    case 'match': {
      const { event, fanoutMax } = operation
      const wanted = oracle.match(rules.values(), event, fanoutMax)
      return compareOutcomes(wanted, matchEvent(matcher, event, fanoutMax)) ?? compareReading(state, event)
    }
    case 'explain':
      return compareExplanation(state, operation)
    case 'maintain':
      matcher.maintain(operation.rulesMax)
      return compare(rules.size, matcher.size)
    case 'drain':
      return drainSome(state, operation.rulesMax)
    case 'settle':
      return compareSettled(state)
  }
}

function drainSome({ matcher, rules }: State, rulesMax: number): Difference {
  const isMoreLeft = matcher.drain(rulesMax)
  const gone = [...rules.keys()].filter((id) => !matcher.has(id))
  for (const id of gone) rules.delete(id)
  if (gone.length > rulesMax) return { wanted: `at most ${rulesMax} rules gone`, got: gone.length }
  return compare(rules.size, matcher.size) ?? compare(rules.size > 0, isMoreLeft)
}

/** Pieces of work after which it has to be done, of so many rules each. */
const MAINTENANCES_MAX = 1_000
const MAINTENANCE_RULES = 1_000

/** Does all the work that a matcher has left; false when there is no end of it. */
export function settle(matcher: EventMatcher): boolean {
  for (let times = 0; times < MAINTENANCES_MAX; times += 1) if (!matcher.maintain(MAINTENANCE_RULES)) return true
  return false
}

function compareSettled({ matcher, rules, bytesEmpty }: State): Difference {
  if (!settle(matcher)) return { wanted: 'an end of the maintenance', got: 'none' }
  const { rules: counted, bytes } = matcher.stats()
  if (rules.size === 0 && bytes !== bytesEmpty) return { wanted: `${bytesEmpty} bytes without rules`, got: bytes }
  return compare(rules.size, counted)
}

function putRule(
  { matcher, rules }: State,
  { kind, rule }: { kind: 'add' | 'update'; rule: DispatcherRule },
): Difference {
  if (kind === 'add' && rules.has(rule.id))
    return compare(
      'RangeError',
      nameError(() => matcher.add(rule)),
    )
  matcher[kind](rule)
  rules.set(rule.id, rule)
  return compare(true, matcher.has(rule.id))
}

function nameError(call: () => void): string {
  try {
    call()
    return 'nothing'
  } catch (error) {
    return error instanceof Error ? error.constructor.name : String(error)
  }
}

/** The matcher's answer; an event that can't be read is an answer too. */
export function matchEvent(matcher: EventMatcher, event: EventCase, fanoutMax?: number): Outcome {
  const options = fanoutMax === undefined ? undefined : { fanoutMax }
  try {
    return matcher.match(
      toMatchable(event, { budget: createWorkBudget(STEPS_ENDLESS) }),
      new Date(event.nowMs),
      options,
    )
  } catch (error) {
    if (error instanceof RequestPayloadError) return { error: error.name }
    throw error
  }
}

/** Where `readsBody` says no, payload and context have to stay unread. */
function compareReading({ matcher, rules, oracle }: State, event: EventCase): Difference {
  const readsBody = [...rules.values()].some(
    (rule) =>
      (rule.payloadFilter !== null || rule.contextFilter !== null) &&
      rule.eventNames.some((entry) => coversName(entry, event.name)),
  )
  const difference = compare(readsBody, matcher.readsBody(event.name))
  if (readsBody || difference !== undefined) return difference && { ...difference, wanted: `readsBody ${readsBody}` }
  const refuse = () => {
    throw new Error('was read, although readsBody says that it is not')
  }
  const blind = toMatchable(event, { readPayload: refuse, readContext: refuse })
  return compareOutcomes(oracle.match(rules.values(), event), matcher.match(blind, new Date(event.nowMs)))
}

function compareExplanation(
  { matcher, rules, oracle }: State,
  { event, id }: { event: EventCase; id: string },
): Difference {
  const rule = rules.get(id)
  const budget = createWorkBudget(STEPS_ENDLESS)
  const failures = matcher.explain(toMatchable(event, { budget }), id, new Date(event.nowMs))
  if (rule === undefined || failures === undefined) return compare(rule?.id, failures === undefined ? undefined : id)
  const outcome = oracle.match([rule], event)
  return compare('dispatcherIds' in outcome && outcome.dispatcherIds.length === 1, failures.length === 0)
}

function compareOutcomes(wanted: Outcome, got: Outcome): Difference {
  const isSame =
    'error' in wanted || 'error' in got ? JSON.stringify(wanted) === JSON.stringify(got) : isSameResult(wanted, got)
  return isSame ? undefined : { wanted, got }
}

function isSameResult(a: MatchResult, b: MatchResult): boolean {
  return (
    isSameList(a.dispatcherIds, b.dispatcherIds) &&
    isSameList(a.onceIds, b.onceIds) &&
    a.limitedCount === b.limitedCount
  )
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}

function compare(wanted: unknown, got: unknown): Difference {
  return wanted === got ? undefined : { wanted, got }
}
