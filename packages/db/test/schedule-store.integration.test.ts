import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createId, firstIdAt, type NewEvent } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
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

async function count(table: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(`select count(*)::int as count from ${table}`)
  return rows[0]?.count ?? -1
}

describe('due events', () => {
  test('those whose time has come are taken, once; those for later are not', async () => {
    const due = await accept({ deliverAt: new Date(Date.now() + 5_000) })
    await accept({ deliverAt: new Date(Date.now() + 60_000) })
    expect(await store.takeDueEvents(MANY, false)).toEqual([])
    await age('event_outbox', 6)
    expect(await store.takeDueEvents(MANY, false)).toEqual([due])
    expect(await store.takeDueEvents(MANY, false)).toEqual([])
  })

  test('one that was published and never delivered is taken again after half a minute', async () => {
    const ref = await accept()
    expect(await store.takeDueEvents(MANY, false)).toEqual([])
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(MANY, false)).toEqual([ref])
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(MANY, false)).toEqual([ref])
  })

  test('with an empty queue, one that was published some seconds ago is taken at once, but no fresh one', async () => {
    const lost = await accept()
    await age('event_outbox', 4)
    await accept()
    expect(await store.takeDueEvents(MANY, true)).toEqual([lost])
    expect(await store.takeDueEvents(MANY, true)).toEqual([])
  })

  test('with an empty queue, nothing for later is taken before its time', async () => {
    await accept({ deliverAt: new Date(Date.now() + 20_000) })
    expect(await store.takeDueEvents(MANY, true)).toEqual([])
  })

  test('a batch is bounded, and several schedulers share the work', async () => {
    const refs = await Promise.all(Array.from({ length: 50 }, () => accept()))
    await age('event_outbox', 31)
    expect(await store.takeDueEvents(20, false)).toHaveLength(20)
    await age('event_outbox', 31)
    const batches = await Promise.all([1, 2, 3, 4].map(() => store.takeDueEvents(20, false)))
    const taken = batches.flat()
    expect(new Set(idsOf(taken)).size).toBe(taken.length)
    const rest = await store.takeDueEvents(MANY, false)
    expect(idsOf([...taken, ...rest])).toEqual(idsOf(refs))
  })

  test('the longest due comes first', async () => {
    const first = await accept()
    await age('event_outbox', 40)
    const second = await accept()
    await age('event_outbox', 40)
    expect(await store.takeDueEvents(1, false)).toEqual([first])
    expect(await store.takeDueEvents(1, false)).toEqual([second])
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
    expect(await store.takeDueDeliveries(MANY, false)).toEqual([])
    expect(await store.takeDueDeliveries(MANY, true)).toEqual([])
    await age('delivery_outbox', 4)
    expect(await store.takeDueDeliveries(MANY, false)).toEqual([])
    expect(await store.takeDueDeliveries(MANY, true)).toEqual([asRef(owed)])
    await age('delivery_outbox', 31)
    expect(await store.takeDueDeliveries(MANY, false)).toEqual([asRef(owed)])
  })

  test('one that waits for its next attempt is taken after that, with its attempt count', async () => {
    const owed = await owe()
    const delivery = await claim(owed)
    const reading = { outcome: 'failed' as const, durationMs: 1 }
    await dispatchStore().recordAttempts([
      { delivery, startedAt: new Date(), reading, step: { kind: 'retry', delayMs: 60_000 } },
    ])
    await age('delivery_outbox', 300)
    expect(await store.takeDueDeliveries(MANY, true)).toEqual([])
    await database.pool.query(`update deliveries set next_attempt_at = now() - interval '1 second'`)
    await age('delivery_outbox', 300)
    expect(await store.takeDueDeliveries(MANY, false)).toEqual([{ ...asRef(owed), attemptCount: 1 }])
  })

  test('a claim is left alone while its lease holds, and freed when it ran out', async () => {
    const owed = await owe()
    const delivery = await claim(owed)
    await age('delivery_outbox', 300)
    expect(await store.takeDueDeliveries(MANY, true)).toEqual([])
    await database.pool.query(`update deliveries set lease_until = now() - interval '1 second'`)
    await age('delivery_outbox', 300)
    expect(await store.takeDueDeliveries(MANY, false)).toEqual([asRef(owed)])
    const { rows } = await database.pool.query('select state, attempt_count, lease_until from deliveries')
    expect(rows).toEqual([{ state: 'pending', attempt_count: 0, lease_until: null }])
    const late = { delivery, startedAt: new Date(), reading: { outcome: 'succeeded' as const, durationMs: 1 } }
    expect(await dispatchStore().recordAttempts([{ ...late, step: { kind: 'complete' } }])).toEqual([false])
    expect(await claim(owed)).toMatchObject({ attemptCount: 0 })
  })

  test('a claim is looked at again as soon as its lease has run out', async () => {
    await claim(await owe())
    await age('delivery_outbox', 300)
    await store.takeDueDeliveries(MANY, false)
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
      expect(await store.takeDueDeliveries(MANY, false)).toEqual([])
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
    const batches = await Promise.all([1, 2, 3].map(() => store.takeDueDeliveries(15, false)))
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(15)
    const taken = [...batches.flat(), ...(await store.takeDueDeliveries(MANY, false))]
    expect(taken.map((ref) => ref.deliveryId).toSorted()).toEqual(owed.map((ref) => ref.deliveryId).toSorted())
  })
})

describe('pruning', () => {
  const old = (days: number) => {
    const id = createId()
    return { id: firstIdAt(new Date(Date.now() - days * DAY_MS)).slice(0, 18) + id.slice(18) }
  }

  async function finish(owed: OwedDelivery): Promise<void> {
    const delivery = await claim(owed)
    const reading = { outcome: 'succeeded' as const, durationMs: 1 }
    await dispatchStore().recordAttempts([{ delivery, startedAt: new Date(), reading, step: { kind: 'complete' } }])
  }

  test('removes ended events past the retention of their environment, with deliveries and attempts', async () => {
    await finish(await owe(old(31)))
    const kept = await owe(old(29))
    await finish(kept)
    expect(await store.pruneEvents(MANY)).toBe(1)
    expect([await count('event_records'), await count('deliveries'), await count('delivery_attempts')]).toEqual([
      1, 1, 1,
    ])
    expect(await count(`event_records where id = '${kept.eventRecordId}'`)).toBe(1)
  })

  test('never removes an event that is still to be delivered, or has a delivery that has not ended', async () => {
    await accept(old(400))
    await accept({ ...old(400), deliverAt: new Date(Date.now() + DAY_MS) })
    await owe(old(400))
    await claim(await owe(old(400)))
    expect(await store.pruneEvents(MANY)).toBe(0)
    expect(await count('event_records')).toBe(4)
    expect(await count('deliveries')).toBe(2)
  })

  test('keeps each environment’s own retention', async () => {
    await database.pool.query('update runtime_environments set retention_days = 5 where id = $1', [
      scope('b').environmentId,
    ])
    await accept(old(6))
    await accept(old(6), 'b')
    await accept(old(4), 'b')
    await database.pool.query('truncate event_outbox')
    expect(await store.pruneEvents(MANY)).toBe(1)
    expect(await count(`event_records where organization_id = '${scope('b').organizationId}'`)).toBe(1)
  })

  test('works in small batches, over all environments', async () => {
    for (let n = 0; n < 7; n++) await accept(old(400), n % 2 === 0 ? 'a' : 'b')
    await database.pool.query('truncate event_outbox')
    expect(await store.pruneEvents(3)).toBe(3)
    expect(await store.pruneEvents(3)).toBe(3)
    expect(await store.pruneEvents(3)).toBe(1)
    expect(await store.pruneEvents(3)).toBe(0)
  })

  test('removes idempotency keys that ran out, in batches', async () => {
    const insert = `insert into idempotency_keys (organization_id, environment_id, key_hash, request_hash, expires_at)
      select $1, $2, decode(lpad(to_hex(n), 64, '0'), 'hex'), 'x', now() + (n - 5) * interval '1 minute' from generate_series(1, 9) n`
    await database.pool.query(insert, [scope().organizationId, scope().environmentId])
    expect(await store.pruneIdempotencyKeys(3)).toBe(3)
    expect(await store.pruneIdempotencyKeys(3)).toBe(2)
    expect(await count('idempotency_keys')).toBe(4)
  })

  test('ends ephemeral dispatchers that ran out', async () => {
    const options = { eventNames: ['*'] }
    const ids = await Promise.all(
      [1, 2, 3].map((n) => createTestEphemeral(database, scope(), { ...options, url: `http://127.0.0.1:9/${n}` })),
    )
    await database.pool.query(`update event_dispatchers set expires_at = now() where id = any($1)`, [ids.slice(0, 2)])
    expect(await store.pruneDispatchers(MANY)).toBe(2)
    expect(await store.pruneDispatchers(MANY)).toBe(0)
    expect(await count('event_dispatchers where deleted_at is null')).toBe(2)
  })

  test('removes outbox rows whose event or delivery is gone, and no others', async () => {
    const [event, owed] = [await accept(), await owe()]
    await accept()
    await owe()
    await database.pool.query('delete from event_records where id = any($1)', [
      [event.eventRecordId, owed.eventRecordId],
    ])
    expect([await count('event_outbox'), await count('delivery_outbox')]).toEqual([2, 2])
    expect(await store.pruneOrphans(MANY)).toBe(1)
    expect([await count('event_outbox'), await count('delivery_outbox')]).toEqual([1, 1])
    expect(await store.pruneOrphans(MANY)).toBe(0)
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
