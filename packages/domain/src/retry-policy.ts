/** When to try again: a list of pauses, or pauses that grow up to a cap. */
export type RetryPolicy =
  | { delaysSeconds: readonly number[] }
  | { type: 'exponential'; initialSeconds: number; factor: number; maxSeconds: number; attempts: number }

const MINUTE_S = 60
const HOUR_S = 3_600

/** Eight attempts over a day and a bit: quick first, for receivers that restart; then patient. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  delaysSeconds: [5, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 10 * HOUR_S],
}

/** Each pause is stretched or shrunk by up to this part, so that failures at one moment do not return at one moment. */
export const RETRY_JITTER = 0.2

/** A receiver's `Retry-After` is honoured up to here. */
export const RETRY_AFTER_MS_MAX = 24 * HOUR_S * 1_000

/**
 * What an attempt came to. `succeeded` 2xx; `gone` 410; `busy` 408, 425, 429, 5xx; `unexpected` 3xx and other 4xx;
 * `failed` no answer; `refused` by the address guard; `unsent` never left for want of room here, and counts as no attempt.
 */
export type AttemptOutcome = 'succeeded' | 'gone' | 'busy' | 'unexpected' | 'failed' | 'refused' | 'unsent'

/** One finished attempt, as far as what follows depends on it. */
export interface AttemptReading {
  outcome: AttemptOutcome
  durationMs: number
  status?: number
  responseHeaders?: Record<string, string>
  responseBody?: string
  errorCode?: string
  errorDetail?: string
  address?: string
  retryAfterMs?: number
}

/** What follows an attempt. */
export type NextStep =
  | { kind: 'complete' }
  | { kind: 'retry'; delayMs: number }
  | { kind: 'discard'; reason: 'attempts_exhausted' | 'gone' | 'address_refused' }

/** Reads an HTTP status as an outcome (RFC 9110, section 15). */
export function readStatus(status: number): AttemptOutcome {
  if (status >= 200 && status < 300) return 'succeeded'
  if (status === 410) return 'gone'
  if (status === 408 || status === 425 || status === 429 || status >= 500) return 'busy'
  return 'unexpected'
}

/**
 * Decides what follows an attempt. `attemptInRun` counts from 1 and starts over with a replay;
 * `random` is in [0, 1) and sets the jitter.
 */
export function decideNextStep(
  reading: AttemptReading,
  attemptInRun: number,
  options: { policy: RetryPolicy; random: number },
): NextStep {
  if (reading.outcome === 'succeeded') return { kind: 'complete' }
  if (reading.outcome === 'gone') return { kind: 'discard', reason: 'gone' }
  if (reading.outcome === 'refused') return { kind: 'discard', reason: 'address_refused' }
  const pauseMs = findPauseMs(options.policy, attemptInRun)
  if (pauseMs === undefined) return { kind: 'discard', reason: 'attempts_exhausted' }
  const jittered = pauseMs * (1 + RETRY_JITTER * (2 * options.random - 1))
  const wanted = Math.min(reading.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)
  return { kind: 'retry', delayMs: Math.round(Math.max(jittered, wanted)) }
}

/** How many attempts a policy allows in one run. */
export function countAttempts(policy: RetryPolicy): number {
  return 'delaysSeconds' in policy ? policy.delaysSeconds.length + 1 : policy.attempts
}

function findPauseMs(policy: RetryPolicy, attemptInRun: number): number | undefined {
  if (attemptInRun >= countAttempts(policy)) return undefined
  if ('delaysSeconds' in policy) return (policy.delaysSeconds[attemptInRun - 1] as number) * 1_000
  const grown = policy.initialSeconds * policy.factor ** (attemptInRun - 1)
  return Math.min(grown, policy.maxSeconds) * 1_000
}
