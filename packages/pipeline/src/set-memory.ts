import { addStats, NO_STATS } from './rule-index.js'
import type { RuleSet, RuleSetStats } from './rule-set.js'

/** Keeps the sets of rules within a bound of memory. */
export interface SetMemory {
  find(environmentId: string): KeptSet | undefined
  add(environmentId: string, set: RuleSet): KeptSet
  /** Counts what a set takes now, and drops others when all take too much. */
  measure(kept: KeptSet): void
  /** Drops what may go, the least recently used first, while all sets take too much. */
  shrink(): void
  /** Tells whether all sets take more than they may. */
  isOver(): boolean
  list(): RuleSet[]
  stats(): SetMemoryStats
}

/** What is in memory now, and what was done since the start. */
export interface SetMemoryStats extends RuleSetStats {
  sets: number
  evictions: number
}

/** A set in memory. */
export interface KeptSet {
  readonly set: RuleSet
  /** It stays while it has any. */
  users: number
  bytes: number
  endedDroppedAt: number
}

/** What the set of an environment takes beyond what its matcher counts, about: thousands may be small. */
const SET_BYTES = 12_288

/** What a memory is made with. */
export interface SetMemoryDeps {
  bytesMax: number
  /** What all sets share. */
  readSharedBytes: () => number
  onDropped: (set: RuleSet) => void
}

/** Creates it, empty. What is in use or being worked on is never dropped, so that all may take more for a while. */
export function createSetMemory({ bytesMax, readSharedBytes, onDropped }: SetMemoryDeps): SetMemory {
  // In the order in which they were used: the least recently used first.
  const sets = new Map<string, KeptSet>()
  let bytes = 0
  let evictions = 0
  let past: RuleSetStats = { ...NO_STATS, loads: 0, refreshes: 0 }

  const isOver = (): boolean => bytes + readSharedBytes() > bytesMax
  const shrink = (): void => {
    if (!isOver()) return
    for (const [key, kept] of sets) {
      if (kept.users > 0 || kept.set.workingSince !== undefined) continue
      sets.delete(key)
      bytes -= kept.bytes
      evictions += 1
      past = addSetStats(past, { ...kept.set.stats(), rules: 0 })
      onDropped(kept.set)
      kept.set.clear()
      if (!isOver()) return
    }
  }
  return {
    find: (key) => {
      const kept = sets.get(key)
      if (kept === undefined) return undefined
      sets.delete(key)
      sets.set(key, kept)
      return kept
    },
    add: (key, set) => {
      const kept = { set, users: 0, bytes: SET_BYTES, endedDroppedAt: performance.now() }
      sets.set(key, kept)
      bytes += kept.bytes
      return kept
    },
    measure: (kept) => {
      // One that was dropped is nobody's any more.
      if (sets.get(kept.set.scope.environmentId) !== kept) return
      const taken = kept.set.stats().bytes + SET_BYTES
      bytes += taken - kept.bytes
      kept.bytes = taken
      shrink()
    },
    shrink,
    isOver,
    list: () => [...sets.values()].map(({ set }) => set),
    stats: () => {
      const sum = [...sets.values()].reduce((so, { set }) => addSetStats(so, set.stats()), past)
      return { ...sum, bytes: bytes + readSharedBytes(), sets: sets.size, evictions }
    },
  }
}

function addSetStats(one: RuleSetStats, other: RuleSetStats): RuleSetStats {
  return {
    ...addStats(one, other),
    loads: one.loads + other.loads,
    refreshes: one.refreshes + other.refreshes,
  }
}
