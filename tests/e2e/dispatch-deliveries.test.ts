import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  createAcceptStore,
  createDatabase,
  createDeliverStore,
  createDispatchStore,
  createSecretBox,
  type Database,
} from '@signalbox/db'
import { createId, type DeliveryRef, SignalboxError } from '@signalbox/domain'
import { createDispatchDeliveries, type DispatchDeps, type OutboundResult } from '@signalbox/pipeline'
import {
  createTestDatabase,
  createTestWebhook,
  makeEvent,
  pollUntil,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
} from '@signalbox/testkit'

// The use case on the real store; only what is sent and published is caught, to be looked at.
let testDatabase: TestDatabase
let database: Database
let scope: { organizationId: string; environmentId: string }

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 8 })
  const { a } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

let published: { refs: DeliveryRef[]; delayMs: number }[] = []
let troubles: string[] = []

beforeEach(() => {
  published = []
  troubles = []
})

afterEach(async () => {
  await database.pool.query('truncate event_outbox, delivery_outbox, event_records cascade')
})

const OK: OutboundResult = { kind: 'response', status: 200, headers: {}, bodyStart: '', durationMs: 1 }

function create(send: (url: string, body: string) => Promise<OutboundResult>, more: Partial<DispatchDeps> = {}) {
  return createDispatchDeliveries({
    store: createDispatchStore(database, createSecretBox(TEST_MASTER_KEYS)),
    queue: {
      publishDispatch: async (refs, options) => void published.push({ refs, delayMs: options?.delayMs ?? 0 }),
    },
    ports: {
      send: ({ url, body }) => send(url, body),
      sign: () => ({}),
      continueTrace: () => undefined,
      userAgent: 'test',
      now: () => new Date(),
    },
    random: () => 0.5,
    inFlightMax: 100,
    jobsMax: 20,
    observer: { onAttempt: () => undefined, onTrouble: (what) => void troubles.push(what) },
    ...more,
  })
}

async function owe(count: number, options: Parameters<typeof createTestWebhook>[2] = {}): Promise<DeliveryRef[]> {
  const { dispatcherId } = await createTestWebhook(database, scope, options)
  const events = Array.from({ length: count }, (_, n) => makeEvent({ payload: { n } }))
  const scoped = events.map((event) => ({ ...scope, event, externalAccountId: null, accountIdentifier: null }))
  await createAcceptStore(database).acceptGroup(scoped, true)
  return createDeliverStore(database).writeDeliveries(
    events.map(({ id: eventRecordId }) => ({
      ...scope,
      eventRecordId,
      deliveries: [{ id: createId(), eventRecordId, dispatcherId, once: false }],
      fanoutLimited: 0,
      failure: null,
    })),
  )
}

async function countStates(refs: DeliveryRef[]): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ state: string; count: number }>(
    'select state, count(*)::int as count from deliveries where id = any($1) group by state',
    [refs.map((ref) => ref.deliveryId)],
  )
  return Object.fromEntries(rows.map((row) => [row.state, row.count]))
}

describe('an attempt', () => {
  test('whose answer can not be stored is recorded without it, and takes nobody else down', async () => {
    const refs = await owe(20)
    const dispatching = create(async (_, body) => {
      const { n } = (JSON.parse(body) as { data: { n: number } }).data
      return n === 7 ? { kind: 'failed', code: 'odd', detail: 'no \0 text', durationMs: 1 } : OK
    })
    await dispatching.dispatch(refs)
    await dispatching.drain()
    expect(await countStates(refs)).toEqual({ succeeded: 19, pending: 1 })
    const { rows } = await database.pool.query(
      `select outcome, error_code, error_detail from all_delivery_attempts where outcome = 'failed'`,
    )
    expect(rows).toEqual([{ outcome: 'failed', error_code: 'unrecordable', error_detail: null }])
    expect(published).toMatchObject([{ refs: [{ attemptCount: 1 }], delayMs: 5_000 }])
  })

  test('made while Postgres is away is recorded when it is back, and made once', async () => {
    const refs = await owe(5)
    const store = createDispatchStore(database, createSecretBox(TEST_MASTER_KEYS))
    let failures = 2
    let sent = 0
    const dispatching = create(
      async () => {
        sent += 1
        return OK
      },
      {
        store: {
          ...store,
          recordAttempts: async (records) => {
            if (failures-- > 0) throw new SignalboxError('storage_unavailable', 'away')
            return store.recordAttempts(records)
          },
        },
      },
    )
    await dispatching.dispatch(refs)
    await dispatching.drain()
    expect(sent).toBe(5)
    expect(await countStates(refs)).toEqual({ succeeded: 5 })
  })
})

describe('places', () => {
  test('no more are in flight to one endpoint than it may have; the others are put off, no attempt counted', async () => {
    const refs = await owe(30, { concurrency: 3 })
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let inFlight = 0
    const dispatching = create(async () => {
      inFlight += 1
      await held
      return OK
    })
    const counts = await dispatching.dispatch(refs)
    expect(counts).toEqual({ kind: 'done', started: 3, parked: 27, skipped: 0 })
    expect(inFlight).toBe(3)
    const put = published.flatMap((one) => one.refs)
    expect(put).toHaveLength(27)
    for (const { delayMs } of published) expect(delayMs).toBeGreaterThanOrEqual(1_000)
    release()
    await dispatching.drain()
    expect(await countStates(refs)).toEqual({ succeeded: 3, pending: 27 })
    const { rows } = await database.pool.query(
      'select max(attempt_count) as most, count(*)::int as logged from deliveries, all_delivery_attempts where attempt_count > 0',
    )
    expect(rows).toMatchObject([{ most: 1 }])
  })

  test('a job that has too much ahead of it is delayed once, and nothing is written for it', async () => {
    const dispatching = create(() => new Promise((resolve) => setTimeout(() => resolve(OK), 200)))
    const refs = await owe(200, { url: 'http://slow.test/', concurrency: 10 })
    // Some that the lane takes its time for, by which it is known; then more than find a place in time.
    await dispatching.dispatch(refs.slice(0, 40))
    const jobs = Array.from({ length: 16 }, (_, n) => refs.slice(40 + 10 * n, 50 + 10 * n))
    const outcomes = jobs.map((job) => dispatching.dispatch(job))
    const [delayed, delayMs] = await Promise.any(
      outcomes.map(async (promised, index): Promise<[DeliveryRef[], number]> => {
        const outcome = await promised
        if (outcome.kind !== 'delayed') throw new Error('found places')
        return [jobs[index] ?? [], outcome.delayMs]
      }),
    )
    expect(delayMs).toBeGreaterThanOrEqual(375)
    expect(delayMs).toBeLessThanOrEqual(2_500)
    const untouched = 'select count(*)::int from deliveries where id = any($1) and updated_at = created_at'
    expect((await database.pool.query(untouched, [delayed.map((ref) => ref.deliveryId)])).rows).toEqual([{ count: 10 }])
    // The second time they are put off one by one.
    const again = await dispatching.dispatch(delayed, { wasDelayed: true })
    expect(again).toEqual({ kind: 'done', started: 0, parked: 10, skipped: 0 })
    await Promise.all(outcomes)
    await dispatching.drain()
  })

  test('a job whose organization has no place left holds no slot for long, while slots are few', async () => {
    const held = await Promise.all(Array.from({ length: 2 }, () => owe(1, { url: 'http://slow.test/' })))
    const late = await owe(5, { url: 'http://other.test/' })
    let release = (): void => undefined
    const answered = new Promise<void>((resolve) => (release = resolve))
    // Two places for one organization, and few enough slots that any job crowds them.
    const limits = { inFlightMax: 4, jobsMax: 1 }
    const dispatching = create(() => answered.then(() => OK), limits)
    for (const refs of held) await dispatching.dispatch(refs)
    // Only then is it known that the organization's lane is slow.
    await sleep(700)
    expect(await dispatching.dispatch(late)).toMatchObject({ kind: 'delayed' })
    const again = await dispatching.dispatch(late, { wasDelayed: true })
    expect(again).toEqual({ kind: 'done', started: 0, parked: 5, skipped: 0 })
    release()
    await dispatching.drain()
  })

  test('many receivers that never answer take no place of one that does', async () => {
    const dead = await Promise.all(
      Array.from({ length: 12 }, () => owe(20, { url: 'http://dead.test/', concurrency: 4 })),
    )
    const quick = await owe(50, { url: 'http://quick.test/', concurrency: 4 })
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let answered = 0
    const dispatching = create(async (url) => {
      if (url.includes('dead')) await held
      else answered += 1
      return OK
    })
    const stuck = dead.map((refs) => dispatching.dispatch(refs))
    await dispatching.dispatch(quick)
    await pollUntil(() => answered === 50, { what: 'the quick receiver to get everything' })
    expect(await countStates(dead.flat())).not.toHaveProperty('succeeded')
    release()
    await Promise.all(stuck)
    await dispatching.drain()
  })
})

test('deliveries of a dispatcher that is gone are skipped with the reason', async () => {
  const refs = await owe(3)
  await database.pool.query('update event_dispatchers set deleted_at = now() where id = $1', [refs[0]?.dispatcherId])
  const dispatching = create(() => Promise.reject(new Error('nothing is to be sent')))
  expect(await dispatching.dispatch(refs)).toEqual({ kind: 'done', started: 0, parked: 0, skipped: 3 })
  expect(await countStates(refs)).toEqual({ skipped: 3 })
  expect(troubles).toEqual([])
})
