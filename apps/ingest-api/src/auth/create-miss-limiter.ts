import type { TenantScope } from '@signalbox/domain'
import { createRateLimiter } from './create-rate-limiter.js'

/** Counts what environments ask for and do not have. */
export interface MissLimiter {
  /** Takes one; gives for how many milliseconds there is none left, 0 when it was taken. */
  take(scope: TenantScope): number
}

/** Environments whose misses are counted; one that is forgotten begins anew. */
const ENVIRONMENTS_MAX = 10_000

/** Creates the limiter of one process. `now` is a clock that never steps back. */
export function createMissLimiter(missesPerMinute: number, now?: () => number): MissLimiter {
  const limiter = createRateLimiter(ENVIRONMENTS_MAX, now)
  const rate = { capacity: missesPerMinute, perSecond: missesPerMinute / 60 }
  return { take: ({ environmentId }) => limiter.take(environmentId, 1, rate).waitMs }
}
