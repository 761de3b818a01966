/** Runs queries a few at a time, in the order in which they were asked for. */
export interface QueryQueue {
  /** Rejects with {@link QueryQueueStoppedError} once the queue was stopped. */
  run<Result>(query: () => Promise<Result>): Promise<Result>
  stop(): void
}

/** The queue runs no more queries: the worker stops. */
export class QueryQueueStoppedError extends Error {
  constructor() {
    super('the worker stops')
  }
}

/** Creates a queue: many queries take turns, and leave connections for everybody else. */
export function createQueryQueue(atOnceMax: number): QueryQueue {
  const waiting: (() => void)[] = []
  let running = 0
  let isStopped = false
  const enter = (): Promise<void> | undefined => {
    if (running < atOnceMax) {
      running += 1
      return undefined
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
  // Whoever waits gets the place of who leaves.
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
  return {
    run: async (query) => {
      await enter()
      try {
        if (isStopped) throw new QueryQueueStoppedError()
        return await query()
      } finally {
        leave()
      }
    },
    stop: () => {
      isStopped = true
    },
  }
}
