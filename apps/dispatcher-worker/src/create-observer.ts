import type { AttemptOutcome, AttemptRecord } from '@signalbox/domain'
import type { DispatchObserver } from '@signalbox/pipeline'
import type { createDispatchMetrics, Logger } from '@signalbox/runtime'

/** An observer that may hold back a line; `flush` writes it. */
export interface AttemptObserver extends DispatchObserver {
  flush(): void
}

/** Counts every attempt; writes a line for each that did not succeed, and one for all that did within a second. */
export function createObserver(logger: Logger, counters: DispatchMetrics): AttemptObserver {
  const countersOf = createOutcomeCounters(counters)
  let succeeded = 0
  let timer: NodeJS.Timeout | undefined
  const writeSucceeded = (): void => {
    logger.info('delivery.attempted', { outcome: 'succeeded', count: succeeded })
    succeeded = 0
    timer = undefined
  }
  return {
    onAttempt: (record, isRecorded) => {
      const { outcome, durationMs } = record.reading
      const { attempts, seconds } = countersOf(outcome)
      attempts.inc()
      seconds.observe(durationMs / 1_000)
      if (outcome !== 'succeeded' || !isRecorded) return writeAttempt(logger, record, isRecorded)
      counters.eventDeliverySeconds.observe(Math.max(0, (Date.now() - record.delivery.acceptedAt.getTime()) / 1_000))
      succeeded++
      timer ??= setTimeout(writeSucceeded, LINE_EVERY_MS)
    },
    flush: () => {
      if (timer === undefined) return
      clearTimeout(timer)
      writeSucceeded()
    },
    onTrouble: (what, error) => logger.warn('dispatch.trouble', { what, error }),
  }
}

type DispatchMetrics = ReturnType<typeof createDispatchMetrics>

// The labelled parts are kept: finding them for each attempt costs more than what they note.
function createOutcomeCounters(counters: DispatchMetrics) {
  const create = (outcome: AttemptOutcome) => ({
    attempts: counters.attempts.labels({ outcome }),
    seconds: counters.attemptSeconds.labels({ outcome }),
  })
  const known = new Map<AttemptOutcome, ReturnType<typeof create>>()
  return (outcome: AttemptOutcome): ReturnType<typeof create> => {
    const found = known.get(outcome) ?? create(outcome)
    known.set(outcome, found)
    return found
  }
}

/** Successes are many and alike: one line stands for those of a second. */
const LINE_EVERY_MS = 1_000

function writeAttempt(logger: Logger, { delivery, reading, step }: AttemptRecord, isRecorded: boolean): void {
  logger.info('delivery.attempted', {
    organizationId: delivery.organizationId,
    environmentId: delivery.environmentId,
    deliveryId: delivery.deliveryId,
    dispatcherId: delivery.dispatcherId,
    eventId: delivery.eventId,
    attempt: delivery.attemptCount + 1,
    outcome: reading.outcome,
    status: reading.status,
    errorCode: reading.errorCode,
    durationMs: Math.round(reading.durationMs),
    next: step.kind,
    isRecorded,
  })
}
