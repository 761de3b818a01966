import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { DeliveryRef, EventRef } from '@signalbox/domain'
import { createTestRedis, type TestRedis } from '@signalbox/testkit'
import { Redis } from 'ioredis'
import {
  createDeliverWorker,
  createDispatchWorker,
  createProducerConnection,
  createQueues,
  createWorkerConnection,
  type JobOutcome,
  type Queues,
  type QueueWorker,
} from '../src/index.js'

let redis: TestRedis
let queues: Queues
let closers: (() => unknown)[] = []
const watcher = new Redis(process.env['TEST_REDIS_URL'] ?? '', { lazyConnect: true })

beforeEach(() => {
  redis = createTestRedis()
  queues = openQueues(redis.prefix)
})

afterEach(async () => {
  for (const close of closers.toReversed()) await close()
  closers = []
  await redis.clear()
})

afterAll(() => watcher.disconnect())

function openQueues(prefix: string): Queues {
  const connection = createProducerConnection({ url: redis.redisUrl })
  const opened = createQueues(connection, prefix)
  closers.push(() => connection.disconnect())
  closers.push(() => opened.close())
  return opened
}

interface Inbox<Ref> {
  jobs: Ref[][]
  troubles: string[]
  worker: QueueWorker
}

type Handle<Ref> = (refs: Ref[]) => Promise<unknown>

function consume<Ref>(
  create: (
    options: Parameters<typeof createDeliverWorker>[0],
    handle: (refs: Ref[]) => Promise<JobOutcome>,
  ) => QueueWorker,
  options: { prefix?: string; concurrency?: number; handle?: Handle<Ref> } = {},
): Inbox<Ref> {
  const connection = createWorkerConnection({ url: redis.redisUrl })
  const inbox: Pick<Inbox<Ref>, 'jobs' | 'troubles'> = { jobs: [], troubles: [] }
  const worker = create(
    {
      connection,
      prefix: options.prefix ?? redis.prefix,
      concurrency: options.concurrency ?? 4,
      onTrouble: (what) => inbox.troubles.push(what),
    },
    async (refs) => {
      inbox.jobs.push(refs)
      await options.handle?.(refs)
      return { kind: 'done' }
    },
  )
  worker.start()
  closers.push(() => connection.disconnect())
  closers.push(() => worker.stop())
  return { ...inbox, worker }
}

/** Polls until a condition holds. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function isIdle(name: 'deliver' | 'dispatch'): Promise<boolean> {
  return (name === 'deliver' ? await queues.probeDeliverQueue() : await queues.probeDispatchQueue()).isEmpty
}

/** A producer fails fast: nothing may be published before it is connected. */
async function untilReady(...opened: Queues[]): Promise<void> {
  for (const one of opened) {
    await until(
      () =>
        one.ping().then(
          () => true,
          () => false,
        ),
      'the connection',
    )
  }
}

const makeEvents = (count: number, organizationId: string = randomUUID()): EventRef[] =>
  Array.from({ length: count }, randomUUID)
    .toSorted()
    .map((eventRecordId) => ({ organizationId, eventRecordId }))

const makeDeliveries = (count: number, dispatcherId: string = randomUUID()): DeliveryRef[] =>
  Array.from({ length: count }, (_, attemptCount) => ({
    organizationId: '018f4ad0-0000-7000-8000-000000000000',
    dispatcherId,
    deliveryId: randomUUID(),
    attemptCount,
  }))

const keyOf = (ref: { eventRecordId: string } | { deliveryId: string }): string =>
  'deliveryId' in ref ? ref.deliveryId : ref.eventRecordId

describe('the queue of events', () => {
  test('brings every event of a group to one handler, in jobs of up to 500', async () => {
    await untilReady(queues)
    const events = [...makeEvents(700), ...makeEvents(301)]
    await queues.publishDeliver(events)
    const inbox = consume(createDeliverWorker)
    await until(() => inbox.jobs.flat().length >= 1_001, 'all events')
    expect(inbox.jobs.flat().map(keyOf).toSorted()).toEqual(events.map(keyOf).toSorted())
    expect(inbox.jobs).toHaveLength(3)
    for (const job of inbox.jobs) expect(job.length).toBeLessThanOrEqual(500)
    const organizations = new Map(events.map((event) => [event.eventRecordId, event.organizationId]))
    for (const ref of inbox.jobs.flat()) expect(ref.organizationId).toBe(organizations.get(ref.eventRecordId))
  })

  test('holds the same group, in whatever order, once while it waits, and takes it again after it was worked on', async () => {
    await untilReady(queues)
    const events = makeEvents(3)
    for (let time = 0; time < 5; time++) await queues.publishDeliver(time % 2 === 0 ? events : events.toReversed())
    expect((await queues.measure())[0]?.jobs.waiting).toBe(1)
    const inbox = consume(createDeliverWorker)
    await until(() => isIdle('deliver'), 'the queue to be empty')
    expect(inbox.jobs).toHaveLength(1)
    await queues.publishDeliver(events)
    await until(() => inbox.jobs.length === 2, 'the second time')
  })

  test('runs a job that throws once, and leaves nothing of it', async () => {
    await untilReady(queues)
    const inbox = consume(createDeliverWorker, { handle: () => Promise.reject(new Error('broken')) })
    await queues.publishDeliver(makeEvents(1))
    await until(() => inbox.troubles.includes('queue.job'), 'the failure')
    await until(() => isIdle('deliver'), 'the queue to be empty')
    expect(inbox.jobs).toHaveLength(1)
    const keys = await watcher.keys(`*${redis.prefix}-deliver*`)
    expect(keys.filter((key) => /:(failed|completed)$/.test(key))).toEqual([])
  })

  test('holds ids only: no name, no payload', async () => {
    await untilReady(queues)
    const events = makeEvents(2)
    await queues.publishDeliver(events.map((event) => ({ ...event, payload: 'secret', name: 'secret' })))
    const keys = await watcher.keys(`*${redis.prefix}-deliver*`)
    const hashes = await Promise.all(keys.map((key) => watcher.hgetall(key).catch(() => ({}))))
    expect(JSON.stringify(hashes)).toContain(events[0]?.eventRecordId)
    expect(JSON.stringify(hashes)).not.toContain('secret')
  })
})

describe('the queue of deliveries', () => {
  test('brings deliveries in jobs of one dispatcher, up to 200, with their attempt counts', async () => {
    await untilReady(queues)
    const [first, second] = [makeDeliveries(420), makeDeliveries(3)]
    const mixed = [...first.slice(0, 60), ...second, ...first.slice(60)]
    await queues.publishDispatch(mixed)
    const inbox = consume(createDispatchWorker)
    await until(() => inbox.jobs.flat().length >= 423, 'all deliveries')
    const sorted = (refs: typeof mixed) => refs.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1))
    expect(sorted(inbox.jobs.flat())).toEqual(sorted(mixed))
    for (const job of inbox.jobs) {
      expect(job.length).toBeLessThanOrEqual(200)
      expect(new Set(job.map((ref) => ref.dispatcherId)).size).toBe(1)
    }
  })

  test('the same deliveries in another order are the same job', async () => {
    await untilReady(queues)
    const refs = makeDeliveries(40)
    await queues.publishDispatch(refs)
    await queues.publishDispatch(refs.toReversed())
    expect((await queues.measure())[1]?.jobs.waiting).toBe(1)
  })

  test('a delay is kept, also for a job that its own handler puts off', async () => {
    await untilReady(queues)
    const refs = makeDeliveries(2)
    let startedAt = 0
    const inbox = consume(createDispatchWorker, {
      handle: async (job) => {
        if (startedAt > 0) return
        startedAt = Date.now()
        await queues.publishDispatch(job as typeof refs, { delayMs: 400 })
      },
    })
    await queues.publishDispatch(refs)
    await until(() => inbox.jobs.length === 2, 'the job to come back')
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(395)
    expect(inbox.jobs[1]).toEqual(inbox.jobs[0])
  })

  test('a job that is to be delayed comes once more when its time is over, and lets others through', async () => {
    await untilReady(queues)
    const [late, other] = [makeDeliveries(1), makeDeliveries(1)]
    await queues.publishDispatch(late)
    await queues.publishDispatch(other)
    const seen: { isLate: boolean; wasDelayed: boolean; at: number }[] = []
    const connection = createWorkerConnection({ url: redis.redisUrl })
    const troubles: string[] = []
    const onTrouble = (what: string): void => void troubles.push(what)
    const worker = createDispatchWorker(
      { connection, prefix: redis.prefix, concurrency: 1, onTrouble },
      async ([ref], { wasDelayed }) => {
        const isLate = ref?.deliveryId === late[0]?.deliveryId
        seen.push({ isLate, wasDelayed, at: Date.now() })
        return isLate && !wasDelayed ? { kind: 'delayed', delayMs: 300 } : { kind: 'done' }
      },
    )
    worker.start()
    closers.push(() => connection.disconnect())
    closers.push(() => worker.stop())
    await until(() => seen.length === 3, 'the job to come back')
    expect(seen).toMatchObject([
      { isLate: true, wasDelayed: false },
      { isLate: false, wasDelayed: false },
      { isLate: true, wasDelayed: true },
    ])
    expect((seen[2]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(295)
    await until(() => isIdle('dispatch'), 'the job to be done')
    expect((await queues.measure())[1]?.jobs).toEqual({ waiting: 0, active: 0, delayed: 0 })
    expect(troubles).toEqual([])
  })
})

describe('probing', () => {
  test('tells since when the oldest job waits; a delayed one since its time', async () => {
    await untilReady(queues)
    expect(await queues.probeDeliverQueue()).toEqual({ isEmpty: true, oldestWaitingAt: undefined })
    const before = Date.now()
    await queues.publishDeliver(makeEvents(1))
    const between = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await queues.publishDeliver(makeEvents(1))
    const { isEmpty, oldestWaitingAt } = await queues.probeDeliverQueue()
    expect(isEmpty).toBe(false)
    expect(oldestWaitingAt?.getTime()).toBeGreaterThanOrEqual(before)
    expect(oldestWaitingAt?.getTime()).toBeLessThanOrEqual(between)
  })

  test('a job that was delayed waits since its delay was over', async () => {
    await untilReady(queues)
    const before = Date.now()
    for (let n = 0; n < 2; n++) await queues.publishDispatch(makeDeliveries(1), { delayMs: 300 })
    expect(await queues.probeDispatchQueue()).toEqual({ isEmpty: true, oldestWaitingAt: undefined })
    let finish = (): void => undefined
    const held = new Promise<void>((resolve) => (finish = resolve))
    const inbox = consume(createDispatchWorker, { concurrency: 1, handle: () => held })
    try {
      await until(() => inbox.jobs.length === 1, 'one of both to be worked on')
      const { oldestWaitingAt } = await queues.probeDispatchQueue()
      expect(oldestWaitingAt?.getTime()).toBeGreaterThanOrEqual(before + 300)
    } finally {
      finish()
    }
  })
})

describe('prefixes', () => {
  test('keep two installations on one Redis apart', async () => {
    const other = createTestRedis()
    const others = openQueues(other.prefix)
    await untilReady(queues, others)
    const mine = consume(createDeliverWorker)
    const theirs = consume(createDeliverWorker, { prefix: other.prefix })
    const [first, second] = [makeEvents(5), makeEvents(5)]
    await queues.publishDeliver(first)
    await others.publishDeliver(second)
    await until(() => mine.jobs.length > 0 && theirs.jobs.length > 0, 'both')
    expect(mine.jobs).toEqual([first])
    expect(theirs.jobs).toEqual([second])
    closers.unshift(() => other.clear())
  })
})

describe('when Redis forgets everything', () => {
  test('a running worker goes on with what is published afterwards', async () => {
    await untilReady(queues)
    let finish = (): void => undefined
    const held = new Promise<void>((resolve) => (finish = resolve))
    let isFirst = true
    const inbox = consume(createDeliverWorker, {
      handle: async () => {
        if (!isFirst) return
        isFirst = false
        await held
      },
    })
    await queues.publishDeliver(makeEvents(1))
    await until(() => inbox.jobs.length === 1, 'the first job')
    await queues.publishDeliver(makeEvents(1)).then(() => redis.clear())
    // The job that was being worked on ends without a trace of itself in Redis.
    finish()
    expect(await isIdle('deliver')).toBe(true)
    const seen = inbox.jobs.length
    for (let round = 0; round < 3; round++) {
      const events = makeEvents(2)
      await queues.publishDeliver(events)
      await until(() => inbox.jobs.length > seen + round, `job ${round} after the loss`)
      expect(inbox.jobs.at(-1)).toEqual(events)
      await redis.clear()
    }
  })

  test('an idle worker does, too', async () => {
    await untilReady(queues)
    const inbox = consume(createDispatchWorker)
    await queues.publishDispatch(makeDeliveries(1))
    await until(() => inbox.jobs.length === 1, 'the first job')
    await until(() => isIdle('dispatch'), 'the queue to be empty')
    await redis.clear()
    await queues.publishDispatch(makeDeliveries(1))
    await until(() => inbox.jobs.length === 2, 'the second job')
  })
})

describe('without Redis', () => {
  test('publishing fails at once, and so does asking', async () => {
    const connection = createProducerConnection({ url: 'redis://127.0.0.1:1' })
    const lost = createQueues(connection, redis.prefix)
    closers.push(() => connection.disconnect())
    closers.push(() => lost.close())
    await expect(lost.publishDeliver(makeEvents(1))).rejects.toThrow()
    await expect(lost.publishDispatch(makeDeliveries(1))).rejects.toThrow()
    await expect(lost.probeDeliverQueue()).rejects.toThrow()
    await expect(lost.measure()).rejects.toThrow()
    await expect(lost.ping()).rejects.toThrow()
  })
})

test('stopping lets the job that is worked on finish, and takes no other', async () => {
  await untilReady(queues)
  let finish = (): void => undefined
  const held = new Promise<void>((resolve) => (finish = resolve))
  let isFinished = false
  const inbox = consume(createDeliverWorker, {
    concurrency: 1,
    handle: () => held.then(() => (isFinished = true)),
  })
  await queues.publishDeliver(makeEvents(1))
  await queues.publishDeliver(makeEvents(1))
  await until(() => inbox.jobs.length === 1, 'the first job')
  const stopped = inbox.worker.stop()
  finish()
  await stopped
  expect(isFinished).toBe(true)
  expect(inbox.jobs).toHaveLength(1)
  expect((await queues.measure())[0]?.jobs).toMatchObject({ waiting: 1, active: 0 })
})
