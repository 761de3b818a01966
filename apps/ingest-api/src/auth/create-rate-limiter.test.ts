import { describe, expect, test } from '@jest/globals'
import { createRateLimiter } from './create-rate-limiter.js'

const rate = { capacity: 10, perSecond: 5 }

function create(keysMax = 10) {
  const clock = { ms: 1_000 }
  return { clock, limiter: createRateLimiter(keysMax, () => clock.ms) }
}

describe('a token bucket', () => {
  test('gives what it holds, refuses what it does not, and takes nothing when it refuses', () => {
    const { limiter } = create()
    expect(limiter.take('a', 7, rate)).toMatchObject({ isAllowed: true, limit: 10, remaining: 3, waitMs: 0 })
    expect(limiter.take('a', 4, rate)).toMatchObject({ isAllowed: false, remaining: 3, waitMs: 200 })
    expect(limiter.take('a', 3, rate)).toMatchObject({ isAllowed: true, remaining: 0, fullInMs: 2_000 })
  })

  test('fills with time, and never over its brim', () => {
    const { limiter, clock } = create()
    limiter.take('a', 10, rate)
    clock.ms += 1_000
    expect(limiter.peek('a', rate).remaining).toBe(4)
    expect(limiter.take('a', 5, rate)).toMatchObject({ isAllowed: true, remaining: 0 })
    clock.ms += 3_600_000
    expect(limiter.take('a', 10, rate)).toMatchObject({ isAllowed: true, remaining: 0 })
  })

  test('lets one through that is larger than itself when it is full, and then makes all wait for it', () => {
    const { limiter, clock } = create()
    expect(limiter.take('a', 30, rate).isAllowed).toBe(true)
    clock.ms += 4_000
    expect(limiter.take('a', 1, rate).isAllowed).toBe(false)
    clock.ms += 300
    expect(limiter.take('a', 1, rate).isAllowed).toBe(true)
  })

  test('knows keys apart, and forgets the least recent when there are too many', () => {
    const { limiter } = create(2)
    for (const key of ['a', 'b']) limiter.take(key, 10, rate)
    expect(limiter.peek('b', rate).isAllowed).toBe(false)
    expect(limiter.peek('a', rate).isAllowed).toBe(false)
    limiter.take('c', 10, rate)
    expect(limiter.peek('a', rate).isAllowed).toBe(false)
    expect(limiter.peek('b', rate).isAllowed).toBe(true)
  })
})
