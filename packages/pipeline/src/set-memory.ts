import type { Draining } from './draining.js'
import { addStats, NO_STATS } from './rule-index.js'
import type { RuleSet, RuleSetStats } from './rule-set.js'

/** Keeps the sets of rules within a bound of memory. */
export interface SetMemory {
  find(environmentId: string): KeptSet | undefined
  add(environmentId: string, set: RuleSet): KeptSet
  /** Counts what a set takes now, and drops others when all take too much. */
  measure(kept: KeptSet): void
  /**
   * Drops what may go, the least recently used first, while all sets take too much, and would when what was given up is
   * drained. To be called again meanwhile: how much that frees is known only roughly.
   */
  shrink(): void
  /** Tells whether all sets, and what is being drained, take more than they may. */
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
  sharingRules: number
  endedDroppedAt: number
}

/** What the set of an environment takes beyond what its matcher counts, about: thousands may be small. */
const SET_BYTES = 12_288

/** What a memory is made with. */
export interface SetMemoryDeps {
  bytesMax: number
  /** What all sets share. */
  readSharedBytes: () => number
  /** What was dropped and is not free yet. */
  draining: Pick<Draining, 'bytes' | 'rules'>
  onDropped: (set: RuleSet) => void
}

/** Creates it, empty. What is in use or being worked on is never dropped, so that all may take more for a while. */
export function createSetMemory({ bytesMax, readSharedBytes, draining, onDropped }: SetMemoryDeps): SetMemory {
  // In the order in which they were used: the least recently used first.
  const sets = new Map<string, KeptSet>()
  let bytes = 0
  let sharingRules = 0
  let evictions = 0
  let past: RuleSetStats = { ...NO_STATS, loads: 0, refreshes: 0 }

  const countBytes = (): number => bytes + draining.bytes + readSharedBytes()
  const isOver = (): boolean => countBytes() > bytesMax
  // Of what is shared, each rule is taken to hold as much.
  const isStillOver = (): boolean => {
    const freeing = draining.rules === 0 ? 0 : draining.rules / (draining.rules + sharingRules)
    return bytes + readSharedBytes() * (1 - freeing) > bytesMax
  }
  const shrink = (): void => {
    if (!isStillOver()) return
    for (const [key, kept] of sets) {
      if (kept.users > 0 || kept.set.workingSince !== undefined) continue
      sets.delete(key)
      bytes -= kept.bytes
      sharingRules -= kept.sharingRules
      evictions += 1
      past = addSetStats(past, { ...kept.set.stats(), rules: 0 })
      onDropped(kept.set)
      kept.set.clear()
      if (!isStillOver()) return
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
      const kept = { set, users: 0, bytes: SET_BYTES, sharingRules: 0, endedDroppedAt: performance.now() }
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
      sharingRules += kept.set.sharingRules - kept.sharingRules
      kept.sharingRules = kept.set.sharingRules
      shrink()
    },
    shrink,
    isOver,
    list: () => [...sets.values()].map(({ set }) => set),
    stats: () => {
      const sum = [...sets.values()].reduce((so, { set }) => addSetStats(so, set.stats()), past)
      return { ...sum, bytes: countBytes(), sets: sets.size, evictions }
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
