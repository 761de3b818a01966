import { setImmediate, setTimeout } from 'node:timers/promises'

/** Does work on rules in the moments that events leave, in small pieces. */
export interface Upkeep {
  /** Adds a chore, or has one done again: it is given how many rules it may look at, and tells whether more is left. */
  add(key: object, work: Chore): void
  remove(key: object): void
  stop(): Promise<void>
}

/** Some work that can be done piece by piece. */
export type Chore = (rulesMax: number) => boolean

/** How long a piece takes, about; ordinary rules take some microseconds each, those with very many keys milliseconds. */
const PIECE_MS = 4
const RULES_AT_ONCE = 4

/** How long a piece waits while events are being delivered; then it is done all the same, or it might never be. */
const BUSY_PAUSE_MS = 50

/** What the upkeep is made with. */
export interface UpkeepDeps {
  /** Tells whether events are being delivered. */
  isBusy: () => boolean
  /** Tells whether others wait for what is being done, so that it takes no pause for events. */
  isUrgent?: () => boolean
  /** A chore has thrown: it is not done again by itself, and the others go on. */
  onFailed?: (error: unknown) => void
  monotonicMs?: () => number
}

/** Creates the upkeep. */
export function createUpkeep(deps: UpkeepDeps): Upkeep {
  const { isBusy, isUrgent = () => false, onFailed, monotonicMs = () => performance.now() } = deps
  const chores = new Map<object, Chore>()
  const stopping = new AbortController()
  let working: Promise<void> | undefined

  const waitForTurn = async (): Promise<void> => {
    if (!isBusy() || isUrgent()) return setImmediate()
    await setTimeout(BUSY_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  const isMoreLeft = (chore: Chore): boolean => {
    const endsAt = monotonicMs() + PIECE_MS
    try {
      let isMore = chore(RULES_AT_ONCE)
      while (isMore && monotonicMs() < endsAt) isMore = chore(RULES_AT_ONCE)
      return isMore
    } catch (error) {
      onFailed?.(error)
      return false
    }
  }
  const work = async (): Promise<void> => {
    try {
      await waitForTurn()
      for (const [key, chore] of chores) {
        chores.delete(key)
        // Chores take turns: one that is long goes behind the others again.
        if (!stopping.signal.aborted && isMoreLeft(chore)) chores.set(key, chore)
        await waitForTurn()
      }
    } finally {
      working = undefined
    }
  }
  return {
    add: (key, chore) => {
      if (stopping.signal.aborted) return
      chores.set(key, chore)
      working ??= work()
    },
    remove: (key) => void chores.delete(key),
    stop: async () => {
      stopping.abort()
      chores.clear()
      await working
    },
  }
}
