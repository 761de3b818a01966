import { createLruMap } from './create-lru-map.js'

/** What a bucket says after it was asked. */
export interface RateDecision {
  isAllowed: boolean
  limit: number
  remaining: number
  /** Until the bucket has room for what was asked, in milliseconds; 0 when it was allowed. */
  waitMs: number
  /** Until the bucket is full again, in milliseconds. */
  fullInMs: number
}

/** Token buckets by key, filled continuously. */
export interface RateLimiter {
  /** Takes `count` tokens when they are there. More than the bucket holds are allowed when it is full. */
  take(key: string, count: number, rate: BucketRate): RateDecision
  /** Looks without taking. */
  peek(key: string, rate: BucketRate): RateDecision
}

/** How many tokens a bucket holds, and how fast it fills. */
export interface BucketRate {
  capacity: number
  perSecond: number
}

interface Bucket {
  tokens: number
  at: number
}

/** Creates a limiter that remembers at most `keysMax` keys. `now` is a clock that never steps back. */
export function createRateLimiter(keysMax: number, now: () => number = () => performance.now()): RateLimiter {
  const buckets = createLruMap<Bucket>(keysMax)

  const refill = (key: string, rate: BucketRate): Bucket => {
    const at = now()
    const bucket = buckets.get(key)
    if (bucket === undefined) return { tokens: rate.capacity, at }
    const gained = ((at - bucket.at) / 1000) * rate.perSecond
    return { tokens: Math.min(rate.capacity, bucket.tokens + gained), at }
  }

  const decide = (bucket: Bucket, count: number, rate: BucketRate): RateDecision => {
    const needed = Math.min(count, rate.capacity)
    const isAllowed = bucket.tokens >= needed
    const left = isAllowed ? bucket.tokens - count : bucket.tokens
    return {
      isAllowed,
      limit: rate.capacity,
      remaining: Math.max(0, Math.floor(left)),
      waitMs: isAllowed ? 0 : ((needed - bucket.tokens) / rate.perSecond) * 1000,
      fullInMs: ((rate.capacity - left) / rate.perSecond) * 1000,
    }
  }

  return {
    take(key, count, rate) {
      const bucket = refill(key, rate)
      const decision = decide(bucket, count, rate)
      buckets.set(key, decision.isAllowed ? { tokens: bucket.tokens - count, at: bucket.at } : bucket)
      return decision
    },
    peek: (key, rate) => decide(refill(key, rate), 1, rate),
  }
}
