import { performance } from 'node:perf_hooks'
import { percentile } from '../stats.js'
import type { Feed } from './event-feed.js'

const MICROS_PER_MS = 1_000
const MS_PER_SECOND = 1_000
/** What is called with is made ready for so many calls at a time, which a worker also takes from its queue at one time. */
const GROUP_MAX = 500
/** Where calls are slow, a group is no larger than what takes so long. */
const GROUP_MS_MAX = 50

/** How fast calls were. */
export interface Rate {
  readonly perSecond: number
  /** CPU time of the process for one call: less disturbed by what else the machine does. */
  readonly cpuMicros: number
}

/** How fast a call is. It goes on where it ended, for so long, making ready included; only calls are timed. */
export function createRateMeter<Item>(feed: Feed<Item>, call: (item: Item) => void): (forMs: number) => Rate {
  let size = 1
  return (forMs) => {
    let calls = 0
    let elapsedMs = 0
    let cpuMicros = 0
    const startedAt = performance.now()
    while (performance.now() - startedAt < forMs || calls === 0) {
      const group = feed(size)
      const cpuBefore = process.cpuUsage()
      elapsedMs += timeMs(() => {
        for (const item of group) call(item)
      })
      const { user, system } = process.cpuUsage(cpuBefore)
      cpuMicros += user + system
      calls += size
      size = Math.max(1, Math.min(GROUP_MAX, Math.floor((GROUP_MS_MAX * calls) / elapsedMs)))
    }
    return { perSecond: (calls / elapsedMs) * MS_PER_SECOND, cpuMicros: cpuMicros / calls }
  }
}

/** The duration of each of so many single calls, in microseconds. */
export function measureLatencies<Item>(
  count: number,
  feed: Feed<Item>,
  call: (item: Item) => void,
): { p50: number; p99: number } {
  const micros: number[] = []
  while (micros.length < count) {
    for (const item of feed(Math.min(GROUP_MAX, count - micros.length))) {
      const startedAt = performance.now()
      call(item)
      micros.push((performance.now() - startedAt) * MICROS_PER_MS)
    }
  }
  return { p50: percentile(micros, 50), p99: percentile(micros, 99) }
}

/** Milliseconds that something takes. */
export function timeMs(work: () => void): number {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}
