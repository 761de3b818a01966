import {
  createEventMatcher,
  type DispatcherRule,
  type EventMatcher,
  isNameCovered,
  type MatcherShapes,
  type MatcherStats,
} from '@signalbox/domain'

/** The rules of one environment in memory, those that can't be read among them. */
export interface RuleIndex {
  readonly matcher: EventMatcher
  /** Rules that share shapes with those of other environments. */
  readonly sharingRules: number
  /** Takes in a rule, in the place of the one with its id. One that can't be read is remembered by its names. */
  put(rule: DispatcherRule): void
  drop(id: string): void
  /** Takes everything out. `isLarge`: what comes next are many rules. */
  clear(isLarge: boolean): void
  /** Whether a rule that can't be read might take events of this name. */
  holdsUp(eventName: string): boolean
  /** The first error since it was asked before. */
  takeError(): { error: unknown } | undefined
  /** What it holds, and what it has done since it was made, also before it was cleared. */
  stats(): MatcherStats
}

/** What a matcher holds that nothing was put into. */
export const NO_STATS: MatcherStats = { rules: 0, bytes: 0, events: 0, matches: 0, candidates: 0, probes: 0 }

/** Adds up what two matchers hold and have done. */
export function addStats(one: MatcherStats, other: MatcherStats): MatcherStats {
  return {
    rules: one.rules + other.rules,
    bytes: one.bytes + other.bytes,
    events: one.events + other.events,
    matches: one.matches + other.matches,
    candidates: one.candidates + other.candidates,
    probes: one.probes + other.probes,
  }
}

/** What an index is made with. */
export interface RuleIndexDeps {
  /** What the filters of many environments have in common. */
  shapes: MatcherShapes
  /** Takes a matcher that is to be drained, because it shares shapes with others. */
  onGivenUp: (matcher: EventMatcher) => void
}

/**
 * Creates an index without rules. Small sets share the shapes of their filters: they are many, and alike. A large one has
 * its own, which take little beside its rules, so that its memory is free at once when it is given up.
 */
export function createRuleIndex({ shapes, onGivenUp }: RuleIndexDeps): RuleIndex {
  let matcher = createEventMatcher([], { shapes })
  let isSharing = true
  let past = NO_STATS
  let failed: { error: unknown } | undefined
  /** Event names of rules that can't be read, by their ids. */
  const unreadable = new Map<string, string[]>()
  return {
    get matcher() {
      return matcher
    },
    get sharingRules() {
      return isSharing ? matcher.size : 0
    },
    put: (rule) => {
      try {
        if (matcher.has(rule.id)) matcher.update(rule)
        else matcher.add(rule)
        unreadable.delete(rule.id)
      } catch (error) {
        matcher.remove(rule.id)
        unreadable.set(rule.id, rule.eventNames)
        failed ??= { error }
      }
    },
    drop: (id) => {
      matcher.remove(id)
      unreadable.delete(id)
    },
    clear: (isLarge) => {
      past = addStats(past, { ...matcher.stats(), rules: 0, bytes: 0 })
      if (isSharing && matcher.size > 0) onGivenUp(matcher)
      matcher = createEventMatcher([], isLarge ? {} : { shapes })
      isSharing = !isLarge
      unreadable.clear()
    },
    holdsUp: (name) => {
      for (const entries of unreadable.values()) if (entries.some((entry) => isNameCovered(entry, name))) return true
      return false
    },
    takeError: () => {
      const taken = failed
      failed = undefined
      return taken
    },
    stats: () => addStats(past, matcher.stats()),
  }
}
