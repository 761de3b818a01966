import type { DispatcherRule } from '../dispatcher.js'
import { createWorkBudget } from '../filter/index.js'
import { explainAddress, explainTrees, type MatchFailure } from './explain-match.js'
import { FilterIndex } from './filter-index.js'
import type { MatchableEvent, MatchResult } from './matchable-event.js'
import { IndexSearch } from './index-search.js'
import { DEFAULT_TUNING, type MatcherTuning } from './matcher-tuning.js'
import { NO_RULE } from './rule-list.js'
import { RuleShapes } from './rule-shapes.js'

/**
 * Finds the dispatchers of one environment that want an event, among very many, without trying each. Changes in place:
 * a change costs time in the size of its rule, not of the set. Does no I/O; the same calls give the same answers.
 */
export interface EventMatcher {
  /** Rules in it. */
  readonly size: number
  /** Takes in a rule. Throws a `RangeError` when its id is known, and whatever reading a filter throws that was never valid; nothing has changed then. */
  add(rule: DispatcherRule): void
  /** Puts a rule in the place of the one with its id, or takes it in when there is none. Throws as `add` does. */
  update(rule: DispatcherRule): void
  /** False when no rule has this id. */
  remove(id: string): boolean
  has(id: string): boolean
  /** Tells whether any candidate for this event name has a filter, so that payload and context have to be there. */
  readsBody(name: string): boolean
  /**
   * `now` decides which ephemeral dispatchers have run out. Throws when a REQUEST payload can't be read, and
   * `FilterTooExpensiveError` when the filters cost too much on this event.
   */
  match(event: MatchableEvent, now: Date, options?: MatchOptions): MatchResult
  /** Every condition of a rule that the event does not fulfil; none: it takes the event. Undefined without such a rule. */
  explain(event: MatchableEvent, id: string, now: Date): MatchFailure[] | undefined
  /**
   * Does a bounded piece of the work that keeps the index in shape, about so many rules; tells whether more is left. An
   * answer never depends on it. For times when no event waits.
   */
  maintain(rulesMax: number): boolean
  /**
   * Takes out so many rules at most, whichever; tells whether more are left. For a matcher that is given up while others
   * share shapes with it: what it alone held of them is free then.
   */
  drain(rulesMax: number): boolean
  stats(): MatcherStats
}

/** How an event is matched. */
export interface MatchOptions {
  /** Dispatchers that one event goes to at most: the first by id. Without it there is no limit. */
  fanoutMax?: number
}

/** What the matcher holds, and what it has done since it was made. */
export interface MatcherStats {
  rules: number
  /** Memory that it takes, about, in bytes. */
  bytes: number
  /** Events that were matched. */
  events: number
  /** Rules that they matched. */
  matches: number
  /** Filters that were tried on them, one for all rules that share it. */
  candidates: number
  /** Look-ups of keys in the index. */
  probes: number
}

/** How a matcher is made. */
export interface MatcherOptions {
  /** What it shares with the matchers of other environments. */
  shapes?: MatcherShapes
  /** Where the index changes its ways; for tests and measurements. */
  tuning?: Partial<MatcherTuning>
}

/** What filters of many environments have in common. Whoever makes several matchers makes one for all. */
export interface MatcherShapes {
  /** Memory that it takes, about, in bytes: in addition to that of the matchers. */
  readonly bytes: number
}

/** Makes what matchers can share. */
export function createMatcherShapes(): MatcherShapes {
  return new RuleShapes()
}

/** Makes a matcher of the enabled, not manual dispatchers of one environment. */
export function createEventMatcher(
  rules: Iterable<DispatcherRule> = [],
  { shapes, tuning }: MatcherOptions = {},
): EventMatcher {
  const own = shapes instanceof RuleShapes ? undefined : new RuleShapes()
  const index = new FilterIndex(own ?? (shapes as RuleShapes), { ...DEFAULT_TUNING, ...tuning })
  const search = new IndexSearch(index)
  let drained = 0
  const matcher: EventMatcher = {
    get size() {
      return index.rules.size
    },
    add: (rule) => {
      if (matcher.has(rule.id)) throw new RangeError(`there is a rule ${rule.id} already`)
      index.add(rule)
    },
    update: (rule) => {
      // What can't be read is refused before the old rule goes.
      index.check(rule)
      index.remove(rule.id)
      index.add(rule)
    },
    remove: (id) => index.remove(id),
    has: (id) => index.rules.find(id) !== NO_RULE,
    readsBody: (name) => index.directory.readsBody(name),
    match: (event, now, options) => search.match(event, now, options?.fanoutMax),
    explain: (event, id, now) => explainRule(index, { event, id, now }),
    maintain: (rulesMax) => index.sweep(rulesMax),
    drain: (rulesMax) => {
      const { ids } = index.rules
      for (let count = 0; count < rulesMax && drained < ids.length; drained += 1) {
        const id = ids[drained]
        if (id !== undefined && index.remove(id)) count += 1
      }
      if (drained >= ids.length) drained = 0
      return index.rules.size > 0
    },
    stats: () => ({
      rules: index.rules.size,
      bytes: index.bytes + (own?.bytes ?? 0),
      ...search.counts,
    }),
  }
  for (const rule of rules) matcher.add(rule)
  return matcher
}

function explainRule(
  index: FilterIndex,
  { event, id, now }: { event: MatchableEvent; id: string; now: Date },
): MatchFailure[] | undefined {
  const rule = index.rules.find(id)
  if (rule === NO_RULE) return undefined
  const { eventNames, source, account, trees } = index.describe(rule)
  const failures = [...explainAddress({ eventNames, source, externalAccountId: account }, event)]
  if (index.rules.isExpired(rule, now.getTime())) failures.push({ condition: 'expired' })
  const budget = event.budget ?? createWorkBudget()
  return [...failures, ...explainTrees(trees, { ...event, budget })]
}
