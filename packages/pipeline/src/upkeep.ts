import { setImmediate, setTimeout } from 'node:timers/promises'
import type { RuleSet } from './rule-set.js'

/** Keeps the indexes of sets in shape, in the moments that events leave. */
export interface Upkeep {
  /** A set has changed: there may be something to do in it. */
  add(set: RuleSet): void
  remove(set: RuleSet): void
  stop(): Promise<void>
}

/** Rules of one piece of work: a few milliseconds. */
const RULES_AT_ONCE = 200

/** How long a piece waits while events are being delivered; then it is done all the same, or it might never be. */
const BUSY_PAUSE_MS = 50

/** Creates the upkeep; `isBusy` tells whether events are being delivered. */
export function createUpkeep(isBusy: () => boolean): Upkeep {
  const changed = new Set<RuleSet>()
  const stopping = new AbortController()
  let working: Promise<void> | undefined

  const waitForTurn = async (): Promise<void> => {
    if (!isBusy()) return setImmediate()
    await setTimeout(BUSY_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  const work = async (): Promise<void> => {
    await waitForTurn()
    for (const set of changed) {
      changed.delete(set)
      // Sets take turns: one that needs much goes behind the others again.
      if (!stopping.signal.aborted && set.matcher.maintain(RULES_AT_ONCE)) changed.add(set)
      await waitForTurn()
    }
    working = undefined
  }
  return {
    add: (set) => {
      if (stopping.signal.aborted) return
      changed.add(set)
      working ??= work()
    },
    remove: (set) => void changed.delete(set),
    stop: async () => {
      stopping.abort()
      changed.clear()
      await working
    },
  }
}
