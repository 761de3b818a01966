import { createMatcherShapes, type TenantScope } from '@signalbox/domain'
import type { Pause } from './create-pause.js'
import { createDraining } from './draining.js'
import { createQueryQueue, QueryQueueStoppedError } from './query-queue.js'
import { createRoom } from './room.js'
import { createRuleSet, type RuleSet, type RuleSetReports } from './rule-set.js'
import { createSetMemory, type KeptSet, type SetMemoryStats } from './set-memory.js'
import type { RuleStore } from './sync-rules.js'
import { createUpkeep } from './upkeep.js'

/** The rules of the environments whose events come by, as many as there is memory for. */
export interface MatcherCache {
  /** Gives an environment's set to be used: it stays in memory until it was released as often as it was taken. */
  take(scope: TenantScope): RuleSet
  release(set: RuleSet): void
  stats(): SetMemoryStats
  /** Ends all work on sets. */
  stop(): Promise<void>
}

/** What the cache is made with. */
export interface MatcherCacheDeps {
  store: RuleStore
  now: () => Date
  pause: Pause
  /** Memory of all sets together. What is in use stays, and of what is being loaded one set goes on beyond it. */
  bytesMax: number
  /** How often a set in use is looked through for ephemeral dispatchers that have ended. */
  endedEveryMs: number
  reports: MatcherCacheReports
}

/** Who hears of what happens to sets. */
export interface MatcherCacheReports extends RuleSetReports {
  /** A set takes more memory than all together may: it is served, and pushes the others out. Told once for each load. */
  onRulesTooLarge?: (bytes: number, scope: TenantScope) => void
  /** Rules could not be kept in shape, or given up ones not be taken out. Answers don't depend on it. */
  onUpkeepFailed?: (error: unknown) => void
}

/** Connections that loading takes of those of the worker. */
const READS_AT_ONCE_MAX = 2

/** Creates the cache, empty. */
export function createMatcherCache(deps: MatcherCacheDeps): MatcherCache {
  const { reports, bytesMax } = deps
  const reading = createQueryQueue(READS_AT_ONCE_MAX)
  const upkeep = createUpkeep({
    isBusy: () => users > 0,
    isUrgent: () => draining.rules > 0 && memory.isOver(),
    onFailed: reports.onUpkeepFailed,
  })
  const draining = createDraining({ upkeep, onFreed: () => freeUp() })
  const kept = new WeakMap<RuleSet, KeptSet>()
  let users = 0
  const shapes = createMatcherShapes()
  const memory = createSetMemory({ bytesMax, readSharedBytes: () => shapes.bytes, draining, onDropped: upkeep.remove })
  const room = createRoom(memory.isOver)
  const freeUp = (): void => {
    memory.shrink()
    room.wake()
  }

  const create = (scope: TenantScope): KeptSet => {
    const set: RuleSet = createRuleSet(
      {
        ...deps,
        shapes,
        onGivenUp: draining.add,
        read: (query) => reading.run(query),
        makeRoom: () => {
          memory.measure(entry)
          return room.wait(set)
        },
        onWorked: () => {
          room.leave(set)
          memory.measure(entry)
          upkeep.add(set, (rulesMax) => set.matcher.maintain(rulesMax))
        },
        ...toSetReports(deps),
      },
      scope,
    )
    const entry = memory.add(scope.environmentId, set)
    kept.set(set, entry)
    return entry
  }

  return {
    take: (scope) => {
      const entry = memory.find(scope.environmentId) ?? create(scope)
      entry.users += 1
      users += 1
      if (performance.now() - entry.endedDroppedAt >= deps.endedEveryMs) {
        entry.endedDroppedAt = performance.now()
        void entry.set.dropEnded()
      }
      return entry.set
    },
    release: (set) => {
      const entry = kept.get(set)
      if (entry === undefined) return
      entry.users -= 1
      users -= 1
      freeUp()
    },
    stats: memory.stats,
    stop: async () => {
      reading.stop()
      room.close()
      await upkeep.stop()
      await Promise.all(memory.list().map((set) => set.settled()))
    },
  }
}

function toSetReports({ reports, bytesMax }: MatcherCacheDeps): RuleSetReports {
  return {
    onRulesUnreadable: reports.onRulesUnreadable,
    onRulesUnavailable: (error, of) => {
      if (!(error instanceof QueryQueueStoppedError)) reports.onRulesUnavailable?.(error, of)
    },
    onRulesLoaded: (load, of) => {
      reports.onRulesLoaded?.(load, of)
      if (load.bytes > bytesMax) reports.onRulesTooLarge?.(load.bytes, of)
    },
  }
}
