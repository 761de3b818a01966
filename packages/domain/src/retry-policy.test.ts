import { describe, expect, test } from '@jest/globals'
import {
  type AttemptOutcome,
  type AttemptReading,
  countAttempts,
  decideNextStep,
  DEFAULT_RETRY_POLICY,
  readStatus,
  RETRY_AFTER_MS_MAX,
  type RetryPolicy,
} from './retry-policy.js'

const MIDDLE = 0.5
const HOUR_MS = 3_600_000

function read(outcome: AttemptOutcome, more: Partial<AttemptReading> = {}): AttemptReading {
  return { outcome, durationMs: 1, ...more }
}

function findDelays(policy: RetryPolicy, random = MIDDLE): number[] {
  const delays: number[] = []
  for (let attempt = 1; ; attempt++) {
    const step = decideNextStep(read('failed'), attempt, { policy, random })
    if (step.kind !== 'retry') return delays
    delays.push(step.delayMs)
  }
}

describe('readStatus', () => {
  test.each<[number, AttemptOutcome]>([
    [200, 'succeeded'],
    [204, 'succeeded'],
    [299, 'succeeded'],
    [301, 'unexpected'],
    [304, 'unexpected'],
    [400, 'unexpected'],
    [401, 'unexpected'],
    [404, 'unexpected'],
    [408, 'busy'],
    [409, 'unexpected'],
    [410, 'gone'],
    [425, 'busy'],
    [429, 'busy'],
    [451, 'unexpected'],
    [500, 'busy'],
    [503, 'busy'],
    [599, 'busy'],
  ])('%d is %s', (status, outcome) => {
    expect(readStatus(status)).toBe(outcome)
  })
})

describe('decideNextStep', () => {
  const policy = DEFAULT_RETRY_POLICY

  test('the default schedule has eight attempts: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h apart', () => {
    expect(countAttempts(policy)).toBe(8)
    const hours = [2, 5, 10, 10].map((count) => count * HOUR_MS)
    expect(findDelays(policy)).toEqual([5_000, 300_000, 1_800_000, ...hours])
  })

  test('success completes, at whatever attempt', () => {
    for (const attempt of [1, 8, 100]) {
      expect(decideNextStep(read('succeeded'), attempt, { policy, random: MIDDLE })).toEqual({ kind: 'complete' })
    }
  })

  test('a receiver that is gone, and an address that is refused, get no further attempt', () => {
    const gone = decideNextStep(read('gone', { retryAfterMs: 5 }), 1, { policy, random: MIDDLE })
    expect(gone).toEqual({ kind: 'discard', reason: 'gone' })
    const refused = decideNextStep(read('refused'), 1, { policy, random: MIDDLE })
    expect(refused).toEqual({ kind: 'discard', reason: 'address_refused' })
  })

  test.each<AttemptOutcome>(['busy', 'unexpected', 'failed'])(
    '%s is tried again, and dead after the last',
    (outcome) => {
      expect(decideNextStep(read(outcome), 7, { policy, random: MIDDLE })).toMatchObject({ kind: 'retry' })
      const last = decideNextStep(read(outcome), 8, { policy, random: MIDDLE })
      expect(last).toEqual({ kind: 'discard', reason: 'attempts_exhausted' })
    },
  )

  test('a policy without pauses has one attempt', () => {
    expect(findDelays({ delaysSeconds: [] })).toEqual([])
    const one: RetryPolicy = { type: 'exponential', initialSeconds: 1, factor: 2, maxSeconds: 9, attempts: 1 }
    expect(findDelays(one)).toEqual([])
  })

  test('an exponential policy grows up to its cap', () => {
    const exponential: RetryPolicy = { type: 'exponential', initialSeconds: 1, factor: 3, maxSeconds: 20, attempts: 6 }
    expect(findDelays(exponential)).toEqual([1_000, 3_000, 9_000, 20_000, 20_000])
  })

  test('jitter goes from 20 % less to 20 % more', () => {
    expect(findDelays({ delaysSeconds: [10] }, 0)).toEqual([8_000])
    expect(findDelays({ delaysSeconds: [10] }, 1 - Number.EPSILON)).toEqual([12_000])
  })

  test('Retry-After lengthens a pause, never shortens it, and counts for at most a day', () => {
    const decide = (retryAfterMs: number) =>
      decideNextStep(read('busy', { retryAfterMs }), 1, { policy, random: MIDDLE })
    expect(decide(60_000)).toEqual({ kind: 'retry', delayMs: 60_000 })
    expect(decide(1)).toEqual({ kind: 'retry', delayMs: 5_000 })
    expect(decide(0)).toEqual({ kind: 'retry', delayMs: 5_000 })
    expect(decide(99 * 24 * HOUR_MS)).toEqual({ kind: 'retry', delayMs: RETRY_AFTER_MS_MAX })
    expect(RETRY_AFTER_MS_MAX).toBe(24 * HOUR_MS)
  })

  test('Retry-After does not revive what has no attempt left', () => {
    const last = decideNextStep(read('busy', { retryAfterMs: 1_000 }), 8, { policy, random: MIDDLE })
    expect(last).toEqual({ kind: 'discard', reason: 'attempts_exhausted' })
  })
})
