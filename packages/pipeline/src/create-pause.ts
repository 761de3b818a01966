/** Computing without a pause: on one thread others wait, for their own runs and for the heartbeats of theirs. */
const COMPUTING_MS_MAX = 20

/**
 * Gives a promise when whoever computes has to let others go first, and nothing while there is time left. Who can wait takes
 * less than the time that there is at most.
 */
export type Pause = (computingMsMax?: number) => Promise<void> | undefined

/**
 * Shares the thread among all computations that ask it after each small step: in one turn of the event loop only one of
 * them goes on, for some milliseconds, and they take turns. Each with a clock of its own would add up to a multiple.
 */
export function createPause(monotonicMs = (): number => performance.now()): Pause {
  const waiting: (() => void)[] = []
  let turnStartedAt = monotonicMs()
  const startTurn = (): void => {
    turnStartedAt = monotonicMs()
    waiting.shift()?.()
    if (waiting.length > 0) setImmediate(startTurn)
  }
  // Whether the time since the last turn was computed or waited is not told apart: a pause too many costs next to nothing.
  return (computingMsMax = COMPUTING_MS_MAX) => {
    if (monotonicMs() - turnStartedAt < computingMsMax) return undefined
    return new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(startTurn)
    })
  }
}
