import type { DeliveryRef, EventRef, QueueState } from '@signalbox/domain'
import { createHash } from 'node:crypto'
import { Queue, type JobsOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import type { DeliverJob, DispatchJob } from './job-data.js'
import { DEFAULT_PREFIX, prefixOf, QUEUE_NAMES, type QueueName } from './queue-names.js'

/** What a queue holds: jobs by state, and the seconds since the oldest waiting one was published. */
export interface QueueReading {
  queue: QueueName
  jobs: { waiting: number; active: number; delayed: number }
  oldestAgeSeconds: number
}

/** Publishes ids. Rejects when Redis is away: what was to be published stands in Postgres. */
export interface Queues {
  publishDeliver(refs: EventRef[]): Promise<void>
  publishDispatch(refs: DeliveryRef[], options?: { delayMs: number }): Promise<void>
  probeDeliverQueue(): Promise<QueueState>
  probeDispatchQueue(): Promise<QueueState>
  measure(): Promise<QueueReading[]>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Events of one job: what one worker loads and writes in one go. */
const DELIVER_JOB_EVENTS_MAX = 500
/** Deliveries of one job: one dispatcher's, so that a job waits for one receiver only. */
const DISPATCH_JOB_DELIVERIES_MAX = 200
/** Jobs of one round trip. */
const ADD_BULK_MAX = 500

// One retry layer, and it is not this one: a job runs once for each time it was published, and leaves nothing behind.
const JOB_OPTIONS: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true }

/** Creates the producers on a connection that fails fast (`createProducerConnection`). */
export function createQueues(connection: Redis, prefix = DEFAULT_PREFIX): Queues {
  const open = (name: QueueName): Queue => {
    const queue = new Queue(QUEUE_NAMES[name], { connection, prefix: prefixOf(prefix, name), skipVersionCheck: true })
    // The connection's owner hears of its errors; the queue repeats them.
    queue.on('error', () => undefined)
    return queue
  }
  const queues = { deliver: open('deliver'), dispatch: open('dispatch') }
  const assertReady = (): void => {
    if (connection.status !== 'ready') throw new Error(`Redis is ${connection.status}`)
  }
  const probe = async (queue: Queue): Promise<QueueState> => {
    assertReady()
    const counts = await queue.getJobCounts('wait', 'active', 'prioritized')
    const isEmpty = Object.values(counts).every((count) => count === 0)
    return { isEmpty, oldestWaitingAt: isEmpty ? undefined : await findOldestWaitingAt(queue) }
  }
  return {
    async publishDeliver(refs) {
      assertReady()
      // In one order, so that the same events published again make the same jobs.
      const sorted = refs.toSorted((a, b) => (a.eventRecordId < b.eventRecordId ? -1 : 1))
      const jobs = chunk(sorted, DELIVER_JOB_EVENTS_MAX).map((part) => ({
        name: QUEUE_NAMES.deliver,
        data: toDeliverJob(part),
        opts: { ...JOB_OPTIONS, jobId: makeJobId(part.map((ref) => ref.eventRecordId)) },
      }))
      for (const part of chunk(jobs, ADD_BULK_MAX)) await queues.deliver.addBulk(part)
    },
    async publishDispatch(refs, options) {
      assertReady()
      const delayMs = options?.delayMs ?? 0
      // A delayed job is one of its time: it must not pass for the job that puts its own deliveries off and still runs.
      const delay = delayMs > 0 ? { delay: delayMs } : {}
      const dueAt = delayMs > 0 ? [Date.now() + delayMs] : []
      const jobs = groupByDispatcher(refs).map((data) => ({
        name: QUEUE_NAMES.dispatch,
        data,
        opts: { ...JOB_OPTIONS, jobId: makeJobId([...data.deliveries.flat(), ...dueAt]), ...delay },
      }))
      for (const part of chunk(jobs, ADD_BULK_MAX)) await queues.dispatch.addBulk(part)
    },
    probeDeliverQueue: () => probe(queues.deliver),
    probeDispatchQueue: () => probe(queues.dispatch),
    async measure() {
      assertReady()
      return Promise.all([measureQueue('deliver', queues.deliver), measureQueue('dispatch', queues.dispatch)])
    },
    async ping() {
      assertReady()
      await connection.ping()
    },
    async close() {
      await Promise.all([queues.deliver.close(), queues.dispatch.close()])
    },
  }
}

async function measureQueue(name: QueueName, queue: Queue): Promise<QueueReading> {
  const counts = await queue.getJobCounts('wait', 'active', 'delayed')
  const oldest = await findOldestWaitingAt(queue)
  return {
    queue: name,
    jobs: { waiting: counts['wait'] ?? 0, active: counts['active'] ?? 0, delayed: counts['delayed'] ?? 0 },
    oldestAgeSeconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.getTime()) / 1_000),
  }
}

/** A job that was delayed waits since its delay was over. */
async function findOldestWaitingAt(queue: Queue): Promise<Date | undefined> {
  const [oldest] = await queue.getJobs(['wait'], 0, 0, true)
  return oldest === undefined ? undefined : new Date(oldest.timestamp + (oldest.opts.delay ?? 0))
}

function toDeliverJob(refs: EventRef[]): DeliverJob {
  const byOrganization = new Map<string, string[]>()
  for (const ref of refs) {
    const ids = byOrganization.get(ref.organizationId)
    if (ids === undefined) byOrganization.set(ref.organizationId, [ref.eventRecordId])
    else ids.push(ref.eventRecordId)
  }
  return { events: [...byOrganization] }
}

function groupByDispatcher(refs: DeliveryRef[]): DispatchJob[] {
  const jobs = new Map<string, DispatchJob>()
  const full: DispatchJob[] = []
  // In one order, so that the same deliveries published again make the same jobs.
  const sorted = refs.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1))
  for (const { organizationId, dispatcherId, deliveryId, attemptCount } of sorted) {
    let job = jobs.get(dispatcherId)
    if (job === undefined) {
      job = { organizationId, dispatcherId, deliveries: [] }
      jobs.set(dispatcherId, job)
    }
    job.deliveries.push([deliveryId, attemptCount])
    if (job.deliveries.length === DISPATCH_JOB_DELIVERIES_MAX) {
      full.push(job)
      jobs.delete(dispatcherId)
    }
  }
  return [...full, ...jobs.values()]
}

// The same work published twice while it waits is one job.
function makeJobId(parts: (string | number)[]): string {
  return createHash('sha1').update(parts.join()).digest('base64url')
}

function chunk<Item>(items: Item[], size: number): Item[][] {
  const chunks: Item[][] = []
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size))
  return chunks
}
