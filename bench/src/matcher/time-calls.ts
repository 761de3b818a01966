import { performance } from 'node:perf_hooks'
import { percentile } from '../stats.js'

const MICROS_PER_MS = 1_000
const MS_PER_SECOND = 1_000
/** Looking at the clock costs little beside so many calls; where each takes long, every one is looked at. */
const CALLS_PER_LOOK = 64
const SLOW_CALL_MS = 0.1

/** How fast calls were. */
export interface Rate {
  readonly perSecond: number
  /** CPU time of the process for one call: less disturbed by what else the machine does. */
  readonly cpuMicros: number
}

/** How fast a call is when it goes through the numbers 0 to `count`, again and again, for so long. Goes on where it ended. */
export function createRateMeter(count: number, call: (number: number) => void): (forMs: number) => Rate {
  let next = 0
  let callsPerLook = 1
  return (forMs) => {
    let calls = 0
    let elapsedMs = 0
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    while (elapsedMs < forMs) {
      for (let index = 0; index < callsPerLook; index += 1) {
        call(next)
        next = next + 1 === count ? 0 : next + 1
      }
      calls += callsPerLook
      elapsedMs = performance.now() - startedAt
      callsPerLook = elapsedMs / calls > SLOW_CALL_MS ? 1 : CALLS_PER_LOOK
    }
    const { user, system } = process.cpuUsage(cpuBefore)
    return { perSecond: (calls / elapsedMs) * MS_PER_SECOND, cpuMicros: (user + system) / calls }
  }
}

/** The duration of each single call, in microseconds. */
export function measureLatencies(count: number, call: (number: number) => void): { p50: number; p99: number } {
  const micros = Array.from({ length: count }, (_, number) => {
    const startedAt = performance.now()
    call(number)
    return (performance.now() - startedAt) * MICROS_PER_MS
  })
  return { p50: percentile(micros, 50), p99: percentile(micros, 99) }
}

/** Milliseconds that something takes. */
export function timeMs(work: () => void): number {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}
