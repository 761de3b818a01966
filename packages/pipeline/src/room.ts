/** Lets long loads go on side by side while there is memory, and one after another when there is none. */
export interface Room<Load> {
  /** Resolves when a load may go on: there is memory, or it is the one that began first. */
  wait(load: Load): Promise<void>
  /** A load has ended. */
  leave(load: Load): void
  /** Memory may have become free. */
  wake(): void
  /** Nobody waits from here on. */
  close(): void
}

/**
 * Creates the room. Without it all would grow together beyond any bound; so what is there beyond it is one load, whose end
 * lets its events be delivered and makes it one that can be dropped.
 */
export function createRoom<Load>(isFull: () => boolean): Room<Load> {
  const loads = new Set<Load>()
  const waiting = new Set<() => void>()
  let isClosed = false
  const wake = (): void => {
    for (const go of waiting) go()
    waiting.clear()
  }
  return {
    wait: async (load) => {
      loads.add(load)
      while (!isClosed && isFull() && loads.values().next().value !== load) {
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
    leave: (load) => {
      loads.delete(load)
      wake()
    },
    wake,
    close: () => {
      isClosed = true
      wake()
    },
  }
}
