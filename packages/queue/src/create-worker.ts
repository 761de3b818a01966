import type { DeliveryRef, EventRef } from '@signalbox/domain'
import { DelayedError, type Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { deliverJobSchema, dispatchJobSchema } from './job-data.js'
import { DEFAULT_PREFIX, prefixOf, QUEUE_NAMES, type QueueName } from './queue-names.js'

/** How a worker takes jobs. */
export interface WorkerOptions {
  connection: Redis
  prefix?: string
  /** Jobs being worked on at one time in this process. */
  concurrency: number
  /** Told of jobs that threw and of trouble with Redis. The job's work stands in Postgres and comes again. */
  onTrouble: (what: string, error: Error) => void
}

/** A running consumer of one queue. */
export interface QueueWorker {
  start(): void
  /** Takes no more jobs, and resolves when those being worked on are done. */
  stop(): Promise<void>
}

/** A job whose worker died is given to another after this long. */
const STALLED_CHECK_MS = 10_000
const LOCK_MS = 30_000

/** Consumes `deliver`: the handler gets the events of one job. */
export function createDeliverWorker(
  options: WorkerOptions,
  handle: (refs: EventRef[]) => Promise<unknown>,
): QueueWorker {
  return createWorker('deliver', options, async (data) => {
    const { events } = deliverJobSchema.parse(data)
    await handle(
      events.flatMap(([organizationId, ids]) => ids.map((eventRecordId) => ({ organizationId, eventRecordId }))),
    )
    return { kind: 'done' }
  })
}

/** How a job ended: done, or to come once more after so many milliseconds. */
export type JobOutcome = { kind: 'done' } | { kind: 'delayed'; delayMs: number }

/**
 * Consumes `dispatch`: the handler gets the deliveries of one job, all of one dispatcher, and whether the job was delayed by
 * what became of it the time before (or its worker died).
 */
export function createDispatchWorker(
  options: WorkerOptions,
  handle: (refs: DeliveryRef[], job: { wasDelayed: boolean }) => Promise<JobOutcome>,
): QueueWorker {
  return createWorker('dispatch', options, (data, { attemptsStarted }) => {
    const { organizationId, dispatcherId, deliveries } = dispatchJobSchema.parse(data)
    return handle(
      deliveries.map(([deliveryId, attemptCount]) => ({ organizationId, dispatcherId, deliveryId, attemptCount })),
      { wasDelayed: attemptsStarted > 1 },
    )
  })
}

function createWorker(
  name: QueueName,
  options: WorkerOptions,
  handle: (data: unknown, job: Job) => Promise<JobOutcome>,
): QueueWorker {
  const work = async (job: Job, token?: string): Promise<void> => {
    const outcome = await handle(job.data, job)
    if (outcome.kind === 'done') return
    await job.moveToDelayed(Date.now() + outcome.delayMs, token)
    throw new DelayedError()
  }
  const worker = new Worker(QUEUE_NAMES[name], work, {
    connection: options.connection,
    prefix: prefixOf(options.prefix ?? DEFAULT_PREFIX, name),
    concurrency: options.concurrency,
    autorun: false,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: 1_000,
    skipVersionCheck: true,
  })
  worker.on('error', (error) => options.onTrouble('queue.connection', error))
  worker.on('failed', (_job, error) => options.onTrouble('queue.job', error))
  return {
    start: () => {
      worker.run().catch((error: unknown) => options.onTrouble('queue.worker', error as Error))
    },
    stop: () => worker.close(),
  }
}
