import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { NewEvent, QueueState } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
  type TwoTenants,
} from '@signalbox/testkit'
import {
  createAcceptStore,
  createDatabase,
  createDispatchStore,
  createScheduleStore,
  createSecretBox,
  type Database,
} from '../src/index.js'
import { takeDueEventsSql } from '../src/sql/schedule.js'
import { oweDelivery, type OwedDelivery } from './owe-delivery.js'

let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let store: ReturnType<typeof createScheduleStore>
let dispatcherId: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  tenants = await seedTwoTenants(testDatabase)
  store = createScheduleStore(database)
})

beforeEach(async () => {
  dispatcherId = (await createTestWebhook(database, scope())).dispatcherId
})

afterEach(async () => {
  await database.pool.query('truncate event_outbox, delivery_outbox, event_records, event_dispatchers cascade')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

const DAY_MS = 86_400_000
const MANY = 1_000
/** Nothing waits, but jobs are being worked on; and nothing at all. */
const BUSY: QueueState = { isEmpty: false }
const EMPTY: QueueState = { isEmpty: true }

/** A queue whose oldest job waits since so many seconds. */
function waiting(seconds: number): QueueState {
  return { isEmpty: false, oldestWaitingAt: new Date(Date.now() - seconds * 1_000) }
}

async function takeDeliveries(limit: number, queue: QueueState) {
  return (await store.takeDueDeliveries(limit, queue)).refs
}

function scope(tenant: 'a' | 'b' = 'a') {
  return { organizationId: tenants[tenant].organizationId, environmentId: tenants[tenant].production.id }
}

async function accept(more: Partial<NewEvent> = {}, tenant: 'a' | 'b' = 'a') {
  const event = { ...scope(tenant), event: makeEvent(more), externalAccountId: null, accountIdentifier: null }
  const [stored] = await createAcceptStore(database).acceptGroup([event], false)
  if (stored === undefined) throw new Error('not stored')
  return stored.ref
}

function owe(more: Partial<NewEvent> = {}) {
  return oweDelivery(database, { ...scope(), dispatcherId }, more)
}

function dispatchStore() {
  return createDispatchStore(database, createSecretBox(TEST_MASTER_KEYS))
}

async function claim(owed: OwedDelivery) {
  const [claimed] = await dispatchStore().claimDeliveries([owed], 60_000)
  if (claimed === undefined) throw new Error('not claimed')
  return claimed
}

/** Moves an outbox's clock: as if so many seconds had passed for it. */
async function age(table: 'event_outbox' | 'delivery_outbox', seconds: number): Promise<void> {
  const columns = table === 'event_outbox' ? ['enqueue_at', 'deliver_at'] : ['wake_at']
  const moves = columns.map((column) => `${column} = ${column} - interval '${seconds} seconds'`)
  await database.pool.query(`update ${table} set ${moves.join()}`)
}

function idsOf(refs: { eventRecordId: string }[]): string[] {
  return refs.map((ref) => ref.eventRecordId).toSorted()
}

describe('due events', () => {
  test('those whose time has come are taken, once; those for later are not', async () => {
    const due = await accept({ deliverAt: new Date(Date.now() + 5_000) })
    await accept({ deliverAt: new Date(Date.now() + 60_000) })
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([])
    await age('event_outbox', 6)
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([due])
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([])
  })

  test('one that was published and never delivered is taken again after half a minute', async () => {
    const ref = await accept()
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([])
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([ref])
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(MANY, BUSY)).toEqual([ref])
  })

  test('with an empty queue, one that was published some seconds ago is taken at once, but no fresh one', async () => {
    const lost = await accept()
    await age('event_outbox', 4)
    await accept()
    expect(await store.takeDueEvents(MANY, EMPTY)).toEqual([lost])
    expect(await store.takeDueEvents(MANY, EMPTY)).toEqual([])
  })

  test('with an empty queue, nothing for later is taken before its time', async () => {
    await accept({ deliverAt: new Date(Date.now() + 20_000) })
    expect(await store.takeDueEvents(MANY, EMPTY)).toEqual([])
  })

  test('a batch is bounded, and several schedulers share the work', async () => {
    const refs = await Promise.all(Array.from({ length: 50 }, () => accept()))
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(20, BUSY)).toHaveLength(20)
    await age('event_outbox', 31)
    const batches = await Promise.all([1, 2, 3, 4].map(() => store.takeDueEvents(20, BUSY)))
    const taken = batches.flat()
    expect(new Set(idsOf(taken)).size).toBe(taken.length)
    const rest = await store.takeDueEvents(MANY, BUSY)
    expect(idsOf([...taken, ...rest])).toEqual(idsOf(refs))
  })

  test('the longest due comes first', async () => {
    const first = await accept()
    await age('event_outbox', 40)
    const second = await accept()
    await age('event_outbox', 40)
    expect(await store.takeDueEvents(1, BUSY)).toEqual([first])
    expect(await store.takeDueEvents(1, BUSY)).toEqual([second])
  })
})

describe('events in a queue that is behind', () => {
  test('those whose jobs are still ahead are not published again; once it has passed them, they are', async () => {
    const ref = await accept()
    await age('event_outbox', 600)
    for (const seconds of [900, 700, 610]) expect(await store.takeDueEvents(MANY, waiting(seconds))).toEqual([])
    expect(await store.takeDueEvents(MANY, waiting(590))).toEqual([ref])
    await age('event_outbox', 100)
    expect(await store.takeDueEvents(MANY, waiting(120))).toEqual([])
    expect(await store.takeDueEvents(MANY, waiting(90))).toEqual([ref])
  })

  test('without a waiting job, all that is due is published again', async () => {
    const refs = [await accept(), await accept()]
    await age('event_outbox', 31)
    expect(idsOf(await store.takeDueEvents(MANY, BUSY))).toEqual(idsOf(refs))
  })

  test('those whose time has come are published, however far it is behind', async () => {
    const behind = await accept()
    await age('event_outbox', 600)
    const due = await accept({ deliverAt: new Date(Date.now() + 5_000) })
    await database.pool.query(
      `update event_outbox set deliver_at = deliver_at - interval '5 seconds', enqueue_at = enqueue_at - interval '5 seconds'
       where event_record_id = $1`,
      [due.eventRecordId],
    )
    expect(await store.takeDueEvents(MANY, waiting(900))).toEqual([due])
    expect(await store.takeDueEvents(MANY, waiting(900))).toEqual([])
    expect(await store.takeDueEvents(MANY, waiting(599))).toEqual([behind])
  })

  test('are not even read', async () => {
    await Promise.all(Array.from({ length: 300 }, () => accept()))
    await age('event_outbox', 60)
    const { rows } = await database.pool.query(`explain (analyze, format json) ${takeDueEventsSql}`, [
      MANY,
      30,
      false,
      new Date(Date.now() - 300_000),
    ])
    // A join may fetch one row before it finds that there is nothing to join it with.
    expect(JSON.stringify(rows)).not.toMatch(/"(Actual Rows|Rows Removed by Filter)":\s*[1-9]\d/)
  })
})

describe('deliveries in a queue that is behind', () => {
  async function readWake(): Promise<number> {
    const { rows } = await database.pool.query<{ s: number }>(
      `select extract(epoch from wake_at - now())::float8 as s from delivery_outbox`,
    )
    return rows[0]?.s ?? 0
  }

  const ageAll = async (seconds: number): Promise<void> => {
    await age('delivery_outbox', seconds)
    await database.pool.query(
      `update deliveries set created_at = created_at - make_interval(secs => $1),
      next_attempt_at = next_attempt_at - make_interval(secs => $1)`,
      [seconds],
    )
  }

  test('are looked at about when their turn comes, and published again only when it has passed them', async () => {
    const owed = await owe()
    await ageAll(60)
    expect(await store.takeDueDeliveries(MANY, waiting(600))).toEqual({ refs: [], looked: 1 })
    expect(Math.round((await readWake()) / 10)).toBe(54)
    await age('delivery_outbox', 600)
    const taken = await store.takeDueDeliveries(MANY, waiting(50))
    expect(taken.refs.map((ref) => ref.deliveryId)).toEqual([owed.deliveryId])
    // Published just now: it stands behind what waits.
    await age('delivery_outbox', 31)
    expect(await store.takeDueDeliveries(MANY, waiting(20))).toEqual({ refs: [], looked: 1 })
  })

  test('claims whose lease ran out are freed all the same', async () => {
    const owed = await owe()
    await claim(owed)
    await ageAll(600)
    await database.pool.query(`update deliveries set lease_until = now() - interval '1 second'`)
    const taken = await store.takeDueDeliveries(MANY, waiting(900))
    expect(taken.refs.map((ref) => ref.deliveryId)).toEqual([owed.deliveryId])
  })

  test('with an empty queue, claims that hold do not stand in the way of what waits behind them', async () => {
    const dispatch = dispatchStore()
    for (let n = 0; n < 4; n++) await dispatch.claimDeliveries([await owe()], 10_000)
    await ageAll(31)
    const lost = await owe()
    await age('delivery_outbox', 4)
    expect((await store.takeDueDeliveries(4, EMPTY)).looked).toBe(4)
    expect((await takeDeliveries(4, EMPTY)).map((ref) => ref.deliveryId)).toEqual([lost.deliveryId])
  })

  test('rows whose delivery is gone are put off and stand in nobody’s way', async () => {
    for (let n = 0; n < 3; n++) await owe()
    await database.pool.query('delete from event_records')
    await age('delivery_outbox', 60)
    const owed = await owe()
    await age('delivery_outbox', 40)
    expect(await store.takeDueDeliveries(3, BUSY)).toEqual({ refs: [], looked: 3 })
    expect((await takeDeliveries(3, BUSY)).map((ref) => ref.deliveryId)).toEqual([owed.deliveryId])
  })
})

describe('due deliveries', () => {
  const asRef = ({ organizationId, dispatcherId: to, deliveryId, attemptCount }: OwedDelivery) => ({
    organizationId,
    dispatcherId: to,
    deliveryId,
    attemptCount,
  })

  test('one whose queue job was lost is taken after half a minute; with an empty queue after seconds', async () => {
    const owed = await owe()
    expect(await takeDeliveries(MANY, BUSY)).toEqual([])
    expect(await takeDeliveries(MANY, EMPTY)).toEqual([])
    await age('delivery_outbox', 4)
    expect(await takeDeliveries(MANY, BUSY)).toEqual([])
    expect(await takeDeliveries(MANY, EMPTY)).toEqual([asRef(owed)])
    await age('delivery_outbox', 31)
    expect(await takeDeliveries(MANY, BUSY)).toEqual([asRef(owed)])
  })

  test('one that waits for its next attempt is taken after that, with its attempt count', async () => {
    const owed = await owe()
    const delivery = await claim(owed)
    const reading = { outcome: 'failed' as const, durationMs: 1 }
    await dispatchStore().recordAttempts([
      { delivery, startedAt: new Date(), reading, step: { kind: 'retry', delayMs: 60_000 } },
    ])
    await age('delivery_outbox', 300)
    expect(await takeDeliveries(MANY, EMPTY)).toEqual([])
    await database.pool.query(`update deliveries set next_attempt_at = now() - interval '1 second'`)
    await age('delivery_outbox', 300)
    expect(await takeDeliveries(MANY, BUSY)).toEqual([{ ...asRef(owed), attemptCount: 1 }])
  })

  test('a claim is left alone while its lease holds, and freed when it ran out', async () => {
    const owed = await owe()
    const delivery = await claim(owed)
    await age('delivery_outbox', 300)
    expect(await takeDeliveries(MANY, EMPTY)).toEqual([])
    await database.pool.query(`update deliveries set lease_until = now() - interval '1 second'`)
    await age('delivery_outbox', 300)
    expect(await takeDeliveries(MANY, BUSY)).toEqual([asRef(owed)])
    const { rows } = await database.pool.query('select state, attempt_count, lease_until from deliveries')
    expect(rows).toEqual([{ state: 'pending', attempt_count: 0, lease_until: null }])
    const late = { delivery, startedAt: new Date(), reading: { outcome: 'succeeded' as const, durationMs: 1 } }
    expect(await dispatchStore().recordAttempts([{ ...late, step: { kind: 'complete' } }])).toEqual([false])
    expect(await claim(owed)).toMatchObject({ attemptCount: 0 })
  })

  test('a claim is looked at again as soon as its lease has run out', async () => {
    await claim(await owe())
    await age('delivery_outbox', 300)
    await takeDeliveries(MANY, BUSY)
    const { rows } = await database.pool.query<{ late: number }>(
      `select extract(epoch from b.wake_at - d.lease_until)::float8 as late
       from delivery_outbox b join deliveries d on d.organization_id = b.organization_id and d.id = b.delivery_id`,
    )
    expect(rows).toEqual([{ late: 1 }])
  })

  test('one that is being recorded at this moment is not waited for, and nobody is locked out', async () => {
    const owed = await owe()
    const delivery = await claim(owed)
    await database.pool.query(`update deliveries set lease_until = now() - interval '1 second'`)
    await age('delivery_outbox', 300)
    // Recording locks the delivery first and its outbox row second; the scheduler the other way about.
    const recorder = await database.pool.connect()
    try {
      await recorder.query('begin')
      await recorder.query(`update deliveries set state = 'succeeded', lease_until = null where id = $1`, [
        owed.deliveryId,
      ])
      expect(await takeDeliveries(MANY, BUSY)).toEqual([])
      await recorder.query('delete from delivery_outbox where delivery_id = $1', [owed.deliveryId])
      await recorder.query('commit')
    } finally {
      recorder.release()
    }
    const stale = { delivery, startedAt: new Date(), reading: { outcome: 'succeeded' as const, durationMs: 1 } }
    expect(await dispatchStore().recordAttempts([{ ...stale, step: { kind: 'complete' } }])).toEqual([false])
  }, 10_000)

  test('a batch is bounded, and several schedulers share the work', async () => {
    const owed = await Promise.all(Array.from({ length: 50 }, () => owe()))
    await age('delivery_outbox', 31)
    const batches = await Promise.all([1, 2, 3].map(() => takeDeliveries(15, BUSY)))
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(15)
    const taken = [...batches.flat(), ...(await takeDeliveries(MANY, BUSY))]
    expect(taken.map((ref) => ref.deliveryId).toSorted()).toEqual(owed.map((ref) => ref.deliveryId).toSorted())
  })
})

test('the backlog says how much waits and for how long', async () => {
  expect(await store.measureBacklog()).toEqual({ events: 0, eventsOldestSeconds: 0, deliveries: 0 })
  await accept()
  await age('event_outbox', 100)
  await accept({ deliverAt: new Date(Date.now() + DAY_MS) })
  await owe()
  const backlog = await store.measureBacklog()
  expect(backlog).toMatchObject({ events: 1, deliveries: 1 })
  expect(Math.floor(backlog.eventsOldestSeconds / 10)).toBe(10)
})
