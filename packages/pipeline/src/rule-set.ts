import type { EventMatcher, MatcherStats, TenantScope } from '@signalbox/domain'
import { createRuleIndex, type RuleIndex, type RuleIndexDeps } from './rule-index.js'
import { bringUpToDate, dropEnded, type HeldRules, type RulesLoad, type SyncDeps } from './sync-rules.js'

/** The rules of one environment in memory, kept in step with the database by versions. */
export interface RuleSet {
  readonly scope: TenantScope
  /** To be used at once while the set serves: on one thread, matching and changing take turns. */
  readonly matcher: EventMatcher
  /** Rules that share shapes with those of other sets. */
  readonly sharingRules: number
  /** When what is being done to the set began, by the monotonic clock; undefined while it is left alone. */
  readonly workingSince: number | undefined
  /**
   * Whether an event that stood beside this version in its own snapshot may be matched now: the rules are at this version
   * or a newer one, and whole. So no event meets rules older than those that were in force when it was accepted; that it
   * meets newer ones early does no harm.
   */
  serves(version: string): boolean
  /** Brings the rules to this version, one at a time for all who wait for it. False when that failed, which was told. */
  catchUp(version: string): Promise<boolean>
  /** Whether a rule that can't be read might take events of this name. */
  holdsUp(eventName: string): boolean
  /** Takes out dispatchers that were used up. */
  forget(ids: Iterable<string>): void
  /** Takes out those that were used up elsewhere or have run out, unless the rules are being worked on. */
  dropEnded(): Promise<void>
  /**
   * Says that matching has thrown, so that the index may be damaged: nothing is matched until all rules are loaded anew.
   * Once in a while only: where that did not help, it is not the index.
   */
  distrust(): void
  stats(): RuleSetStats
  /** Gives its memory back. Nothing may be under way. */
  clear(): void
  /** Resolves when nothing is being done to the set. */
  settled(): Promise<void>
}

/** What a set holds and has done. */
export interface RuleSetStats extends MatcherStats {
  loads: number
  refreshes: number
}

/** What a set is made with. */
export interface RuleSetDeps extends SyncDeps, RuleSetReports, RuleIndexDeps {
  /** Called each time that something was done to the set. */
  onWorked: () => void
}

/** Who hears of what happens to sets. */
export interface RuleSetReports {
  /** Rules that can't be read hold up the events that they might take. Told once for each time that they were read. */
  onRulesUnreadable?: (error: unknown, scope: TenantScope) => void
  /** The rules can't be brought up to date now: their events wait in the outbox. */
  onRulesUnavailable?: (error: unknown, scope: TenantScope) => void
  onRulesLoaded?: (load: RulesLoad, scope: TenantScope) => void
}

/** A version that was seen once is there in every later snapshot: who doesn't get it reads another database. */
const TRIES_MAX = 3

/** An event that no rules can be matched with comes again every few seconds; the others would do nothing but wait for loads. */
const DISTRUST_EVERY_MS = 300_000

/** Creates the set of an environment; nothing is loaded yet. */
export function createRuleSet(deps: RuleSetDeps, scope: TenantScope): RuleSet {
  const index = createRuleIndex(deps)
  const held = createHeldRules(scope, index, deps.now())
  let isDistrusted = false
  let distrustedAt = -Infinity

  const clear = (): void => {
    isDistrusted = false
    held.isWhole = false
    held.version = undefined
    held.progress = undefined
    index.clear(false)
  }

  const work = createSetWork(deps, held)
  const start = (act: SetAct): Promise<boolean> => {
    // Not while something is being done to the rules: it would go on with none, and take them for whole in the end.
    if (isDistrusted) clear()
    return work.start(act)
  }

  const set: RuleSet = {
    scope,
    get matcher() {
      return index.matcher
    },
    get sharingRules() {
      return index.sharingRules
    },
    get workingSince() {
      return work.current?.since
    },
    serves: (version) => !isDistrusted && held.isWhole && held.version !== undefined && held.version >= BigInt(version),
    catchUp: async (version) => {
      for (let tries = 0; !set.serves(version);) {
        // Whatever becomes of what else is being done to the rules: it does not make them newer.
        if (work.current?.act === dropEnded) {
          await work.current.done
          continue
        }
        if (tries === TRIES_MAX) {
          deps.onRulesUnavailable?.(new Error(`version ${version} of the dispatchers is not to be had`), scope)
          return false
        }
        tries += 1
        if (!(await (work.current?.done ?? start(bringUpToDate)))) return false
      }
      return true
    },
    holdsUp: (eventName) => index.holdsUp(eventName),
    forget: (ids) => {
      for (const id of ids) index.drop(id)
    },
    dropEnded: async () => {
      if (work.current === undefined && held.isWhole && !isDistrusted) await start(dropEnded)
    },
    distrust: () => {
      if (performance.now() - distrustedAt < DISTRUST_EVERY_MS) return
      distrustedAt = performance.now()
      isDistrusted = true
    },
    stats: () => ({ ...index.stats(), loads: held.loads, refreshes: held.refreshes }),
    clear,
    settled: async () => void (await work.current?.done),
  }
  return set
}

function createHeldRules(scope: TenantScope, index: RuleIndex, endedSince: Date): HeldRules {
  return { scope, index, version: undefined, isWhole: false, endedSince, progress: undefined, loads: 0, refreshes: 0 }
}

type SetAct = typeof bringUpToDate

/** What is being done to a set: one thing at a time, so that what was read first is applied first. */
interface SetWork {
  /** `done` is false when it failed. */
  readonly current: { readonly act: SetAct; readonly since: number; readonly done: Promise<boolean> } | undefined
  /** Nothing may be under way. */
  start(act: SetAct): Promise<boolean>
}

function createSetWork(deps: RuleSetDeps, held: HeldRules): SetWork {
  let current: SetWork['current']
  return {
    get current() {
      return current
    },
    start: (act) => {
      const since = performance.now()
      const done = act(deps, held)
        .then(() => true)
        .catch((error: unknown) => {
          deps.onRulesUnavailable?.(error, held.scope)
          return false
        })
        .finally(() => {
          current = undefined
          const unreadable = held.index.takeError()
          if (unreadable !== undefined) deps.onRulesUnreadable?.(unreadable.error, held.scope)
          deps.onWorked()
        })
      current = { act, since, done }
      return done
    },
  }
}
