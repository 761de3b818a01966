import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type AttemptReading,
  countAttempts,
  decideNextStep,
  RETRY_AFTER_MS_MAX,
  RETRY_JITTER,
  type RetryPolicy,
} from './retry-policy.js'

/** Printed in the name of the suite, and by fast-check when a property fails. */
const seed = Date.now() % 2 ** 31

const delayArbitrary = fc.oneof(fc.integer({ min: 0, max: 604_800 }), fc.double({ min: 0, max: 604_800, noNaN: true }))
const policyArbitrary: fc.Arbitrary<RetryPolicy> = fc.oneof(
  fc.record({ delaysSeconds: fc.array(delayArbitrary, { maxLength: 20 }) }),
  fc.record({
    type: fc.constant('exponential' as const),
    initialSeconds: delayArbitrary,
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    maxSeconds: delayArbitrary,
    attempts: fc.integer({ min: 1, max: 20 }),
  }),
)
const failureArbitrary: fc.Arbitrary<AttemptReading> = fc.record({
  outcome: fc.constantFrom('busy' as const, 'unexpected' as const, 'failed' as const),
  durationMs: fc.nat(),
  retryAfterMs: fc.nat({ max: 2 * RETRY_AFTER_MS_MAX }),
})
const randomArbitrary = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe(`retry policies (seed ${seed})`, () => {
  test('a failing delivery always ends, after just as many attempts as its policy has', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.infiniteStream(fc.tuple(failureArbitrary, randomArbitrary)), (policy, stream) => {
        let attempt = 1
        for (const [reading, random] of stream) {
          const step = decideNextStep(reading, attempt, { policy, random })
          if (step.kind === 'discard') break
          expect(step.kind).toBe('retry')
          attempt += 1
          expect(attempt).toBeLessThanOrEqual(20 + 1)
        }
        expect(attempt).toBe(countAttempts(policy))
      }),
      { seed },
    )
  })

  test('every pause is a whole number of milliseconds, within jitter of the schedule or what Retry-After asks', () => {
    fc.assert(
      fc.property(
        policyArbitrary,
        failureArbitrary,
        randomArbitrary,
        fc.nat({ max: 19 }),
        (policy, reading, random, n) => {
          const decide = (options: { random: number; retryAfterMs: number }) =>
            decideNextStep({ ...reading, retryAfterMs: options.retryAfterMs }, n + 1, {
              policy,
              random: options.random,
            })
          const planned = decide({ random: 0.5, retryAfterMs: 0 })
          const step = decide({ random, retryAfterMs: reading.retryAfterMs ?? 0 })
          expect(step.kind).toBe(planned.kind)
          if (step.kind !== 'retry' || planned.kind !== 'retry') return
          const wanted = Math.min(reading.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)
          expect(Number.isSafeInteger(step.delayMs)).toBe(true)
          expect(step.delayMs).toBeGreaterThanOrEqual(Math.max(wanted, planned.delayMs * (1 - RETRY_JITTER) - 1))
          expect(step.delayMs).toBeLessThanOrEqual(Math.max(wanted, planned.delayMs * (1 + RETRY_JITTER) + 1))
          // The database keeps it as a 32-bit number of milliseconds.
          expect(step.delayMs).toBeLessThan(2 ** 31)
        },
      ),
      { seed },
    )
  })
})
