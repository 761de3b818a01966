import type { DispatcherRule } from '../dispatcher.js'
import { compileFilter, createWorkBudget, type Filter, type WorkBudget } from '../filter/index.js'
import type { Json } from '../json.js'
import { readRequestPayload } from '../request-payload.js'
import { isAccountCovered, isNameCovered, isSourceCovered } from './cover.js'
import { explainMatch, type MatchFailure } from './explain-match.js'
import type { MatchableEvent, MatchResult } from './matchable-event.js'

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
  /** Filters that were tried on them. */
  candidates: number
  /** Look-ups of keys in the index. */
  probes: number
}

interface CompiledRule {
  rule: DispatcherRule
  matchesPayload: FilterTest | undefined
  matchesContext: FilterTest | undefined
}

type FilterTest = (value: Json, budget: WorkBudget) => boolean

/** Makes a matcher of the enabled, not manual dispatchers of one environment. */
export function createEventMatcher(rules: Iterable<DispatcherRule> = []): EventMatcher {
  const byId = new Map<string, CompiledRule>()
  const counts = { events: 0, matches: 0, candidates: 0, probes: 0 }
  const matcher: EventMatcher = {
    get size() {
      return byId.size
    },
    add: (rule) => {
      if (byId.has(rule.id)) throw new RangeError(`there is a rule ${rule.id} already`)
      byId.set(rule.id, compileRule(rule))
    },
    update: (rule) => void byId.set(rule.id, compileRule(rule)),
    remove: (id) => byId.delete(id),
    has: (id) => byId.has(id),
    readsBody: (name) =>
      [...byId.values()].some(
        ({ rule }) =>
          (rule.payloadFilter !== null || rule.contextFilter !== null) &&
          rule.eventNames.some((entry) => isNameCovered(entry, name)),
      ),
    match: (event, now, { fanoutMax = Infinity } = {}) => {
      const candidates = [...byId.values()].filter(({ rule }) =>
        rule.eventNames.some((entry) => isNameCovered(entry, event.name)),
      )
      const matched = matchCandidates(candidates.toSorted(byRuleId), event, now)
      counts.events += 1
      counts.matches += matched.length
      counts.candidates += candidates.length
      const taken = matched.slice(0, fanoutMax)
      return {
        dispatcherIds: taken.map((rule) => rule.id),
        onceIds: taken.filter((rule) => rule.once).map((rule) => rule.id),
        limitedCount: matched.length - taken.length,
      }
    },
    explain: (event, id, now) => {
      const found = byId.get(id)
      return found && [...explainMatch({ rule: found.rule, isEnabled: true, isManual: false }, event, now)]
    },
    maintain: () => false,
    stats: () => ({ rules: byId.size, bytes: byId.size * 500, ...counts }),
  }
  for (const rule of rules) matcher.add(rule)
  return matcher
}

function byRuleId(a: CompiledRule, b: CompiledRule): number {
  return a.rule.id < b.rule.id ? -1 : 1
}

function compileRule(rule: DispatcherRule): CompiledRule {
  const compile = (filter: Filter | null): FilterTest | undefined =>
    filter === null ? undefined : compileFilter(filter)
  return { rule, matchesPayload: compile(rule.payloadFilter), matchesContext: compile(rule.contextFilter) }
}

function matchCandidates(candidates: CompiledRule[], event: MatchableEvent, now: Date): DispatcherRule[] {
  const matched: DispatcherRule[] = []
  const { budget = createWorkBudget() } = event
  let payload: Json | undefined
  let context: Json | undefined
  for (const { rule, matchesPayload, matchesContext } of candidates) {
    if (!isSourceCovered(rule, event) || !isAccountCovered(rule, event)) continue
    if (rule.expiresAt !== null && rule.expiresAt <= now) continue
    if (matchesPayload !== undefined) {
      payload ??= readRequestPayload(event.payloadType, event.readPayload())
      if (!matchesPayload(payload, budget)) continue
    }
    if (matchesContext !== undefined) {
      context ??= event.readContext()
      if (!matchesContext(context, budget)) continue
    }
    matched.push(rule)
  }
  return matched
}
