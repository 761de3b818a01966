/** Keeps claims short of what an endpoint can take soon. */
export interface ClaimAhead {
  /** Resolves when few enough of the key's deliveries are claimed and have no place yet, or when the wait is over. */
  enter(key: string, count: number): Promise<void>
  /** Some of them have found a place, or were given up. */
  leave(key: string, count: number): void
}

/**
 * Claimed deliveries are bodies in memory and leases that run. What is claimed long before its turn is moved from young to
 * old memory by the collector, which costs more than all else here. Two jobs' deliveries, and up to one job more, are far
 * above what an endpoint takes while a claim is under way, also on a busy machine.
 */
const AHEAD_MAX = 400

/** A queue job that waits for its claim holds a slot that others may want. */
const WAIT_MS_MAX = 500

interface Ahead {
  count: number
  readonly waiting: (() => void)[]
}

/** Creates the gate. A key of which nothing is claimed takes no memory. */
export function createClaimAhead(): ClaimAhead {
  const all = new Map<string, Ahead>()
  return {
    enter(key, count) {
      const ahead = all.get(key) ?? { count: 0, waiting: [] }
      all.set(key, ahead)
      if (ahead.count >= AHEAD_MAX) return wait(ahead, count)
      ahead.count += count
      return Promise.resolve()
    },
    leave(key, count) {
      const ahead = all.get(key)
      if (ahead === undefined) return
      ahead.count -= count
      while (ahead.count < AHEAD_MAX && ahead.waiting.length > 0) ahead.waiting.shift()?.()
      if (ahead.count === 0) all.delete(key)
    },
  }
}

// Who comes in is counted at once: of two that wait, the second must not find the room that the first was given.
function wait(ahead: Ahead, count: number): Promise<void> {
  return new Promise((resolve) => {
    const enter = (): void => {
      clearTimeout(timer)
      ahead.count += count
      resolve()
    }
    const timer = setTimeout(() => {
      ahead.waiting.splice(ahead.waiting.indexOf(enter), 1)
      enter()
    }, WAIT_MS_MAX)
    ahead.waiting.push(enter)
  })
}
