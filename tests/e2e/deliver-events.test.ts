import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createAcceptStore, createDatabase, createDeliverStore, type Database } from '@signalbox/db'
import type { DeliveryRef, EventRef, NewEvent, TenantScope } from '@signalbox/domain'
import { createDeliverEvents } from '@signalbox/pipeline'
import {
  createTestDatabase,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  type TestDatabase,
  type TwoTenants,
} from '@signalbox/testkit'

// The use case on the real store; only what is published is caught, to be looked at.
let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let published: DeliveryRef[][] = []
let givenBack: EventRef[][] = []
let unreadable: TenantScope[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 8 })
  tenants = await seedTwoTenants(testDatabase)
})

beforeEach(() => {
  published = []
  givenBack = []
  unreadable = []
})

afterEach(async () => {
  await database.pool.query('truncate event_outbox, delivery_outbox, event_records, event_dispatchers cascade')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

function scope(tenant: 'a' | 'b' = 'a'): TenantScope {
  return { organizationId: tenants[tenant].organizationId, environmentId: tenants[tenant].production.id }
}

/** The store, counting what is loaded and written. */
function create() {
  const store = createDeliverStore(database)
  const calls = { rules: 0, bodies: [] as number[], portions: [] as number[] }
  const deliver = createDeliverEvents({
    store: {
      ...store,
      loadRules: (of) => {
        calls.rules += 1
        return store.loadRules(of)
      },
      loadBodies: (refs) => {
        calls.bodies.push(refs.length)
        return store.loadBodies(refs)
      },
      writeDeliveries: (decisions) => {
        calls.portions.push(decisions.reduce((sum, decision) => sum + decision.deliveries.length, 0))
        return store.writeDeliveries(decisions)
      },
    },
    queue: {
      publishDispatch: async (refs) => void published.push(refs),
      publishDeliver: async (refs) => void givenBack.push(refs),
    },
    now: () => new Date(),
    onRulesUnreadable: (_, of) => void unreadable.push(of),
  })
  return { deliver, calls }
}

async function accept(count: number, more: Partial<NewEvent> = {}, tenant: 'a' | 'b' = 'a'): Promise<EventRef[]> {
  const scoped = Array.from({ length: count }, () => ({
    ...scope(tenant),
    event: makeEvent(more),
    externalAccountId: null,
    accountIdentifier: null,
  }))
  return (await createAcceptStore(database).acceptGroup(scoped, true)).map((stored) => stored.ref)
}

describe('delivering a group', () => {
  test('compiles the rules once for as long as no dispatcher changes', async () => {
    await createTestWebhook(database, scope())
    const { deliver, calls } = create()
    expect(await deliver(await accept(3))).toEqual({ events: 3, deliveries: 3, failed: 0 })
    await Promise.all([deliver(await accept(2)), deliver(await accept(2))])
    expect(calls.rules).toBe(1)
    await createTestWebhook(database, scope())
    expect(await deliver(await accept(1))).toEqual({ events: 1, deliveries: 2, failed: 0 })
    expect(calls.rules).toBe(2)
  })

  test('an event on which the filters cost too much is set aside alone, with its reason', async () => {
    const payloadFilter = { $nor: Array.from({ length: 900 }, (_, index) => ({ a: { b: [index + 5] } })) }
    for (let count = 0; count < 5; count += 1) await createTestWebhook(database, scope(), { payloadFilter })
    await createTestWebhook(database, scope('b'))
    const [heavy] = await accept(1, { payload: { a: Array.from({ length: 50_000 }, () => ({ b: 1 })) } })
    const refs = [...(heavy === undefined ? [] : [heavy]), ...(await accept(2)), ...(await accept(1, {}, 'b'))]
    const { deliver } = create()
    expect(await deliver(refs)).toEqual({ events: 4, deliveries: 11, failed: 1 })
    const { rows } = await database.pool.query(
      'select id, failure_reason from event_records where failed_at is not null',
    )
    expect(rows).toEqual([
      { id: heavy?.eventRecordId, failure_reason: expect.stringMatching(/^filter_too_expensive: /) },
    ])
  })

  test('loads bodies only for names that a filter looks at, a few at a time', async () => {
    await createTestWebhook(database, scope(), { eventNames: ['filtered'], payloadFilter: { v: [1] } })
    await createTestWebhook(database, scope(), { eventNames: ['plain'] })
    const { deliver, calls } = create()
    await deliver(await accept(10, { name: 'plain' }))
    expect(calls.bodies).toEqual([])
    const refs = [
      ...(await accept(60, { name: 'filtered', payload: { v: 1 } })),
      ...(await accept(60, { name: 'filtered' })),
    ]
    expect(await deliver(refs)).toEqual({ events: 120, deliveries: 60, failed: 0 })
    expect(calls.bodies.every((count) => count <= 50)).toBe(true)
    expect(calls.bodies.reduce((sum, count) => sum + count, 0)).toBe(120)
  })

  async function fanOut(dispatchers: number): Promise<void> {
    const { dispatcherId } = await createTestWebhook(database, scope())
    await database.pool.query(
      `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
         dispatchable_id, dispatchable)
       select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, n::text, dispatchable
       from event_dispatchers, generate_series(1, $2::int) n where id = $1`,
      [dispatcherId, dispatchers - 1],
    )
  }

  test('a run ends after many deliveries: everyone else was first, and the rest goes to the end of the queue', async () => {
    await fanOut(300)
    await createTestWebhook(database, scope('b'))
    const { deliver } = create()
    const [wide, small] = [await accept(60), await accept(5, {}, 'b')]
    const first = await deliver([...wide, ...small])
    expect(published[0]?.slice(0, 5).map((ref) => ref.organizationId)).toEqual(
      small.map(() => scope('b').organizationId),
    )
    expect(first.deliveries).toBeGreaterThanOrEqual(10_000)
    expect(first.deliveries).toBeLessThan(15_001)
    const left = givenBack.flat()
    expect(left).toHaveLength(65 - first.events)
    expect(left.length).toBeGreaterThan(0)
    const second = await deliver(left)
    expect(first.deliveries + second.deliveries).toBe(60 * 300 + 5)
    expect(givenBack).toHaveLength(1)
    const { rows } = await database.pool.query('select count(*)::int as waiting from event_outbox')
    expect(rows).toEqual([{ waiting: 0 }])
  }, 60_000)

  test('writes a large fan-out in portions, whole in the end', async () => {
    await fanOut(90)
    const { deliver, calls } = create()
    expect(await deliver(await accept(100))).toEqual({ events: 100, deliveries: 9_000, failed: 0 })
    expect(calls.portions.length).toBeGreaterThan(1)
    for (const size of calls.portions) expect(size).toBeLessThanOrEqual(5_000)
    expect(published.flat()).toHaveLength(9_000)
  })

  test('rules of one tenant that can not be read hold up no one else', async () => {
    await createTestWebhook(database, scope())
    await createTestWebhook(database, scope('b'))
    await database.pool.query(
      `update event_dispatchers set payload_filter = '{"a": [{"$gt": {}}], "$or": 5}' where organization_id = $1`,
      [scope('b').organizationId],
    )
    const { deliver } = create()
    const refs = [...(await accept(2, {}, 'b')), ...(await accept(3))]
    expect(await deliver(refs)).toEqual({ events: 3, deliveries: 3, failed: 0 })
    expect(unreadable).toEqual([scope('b')])
    const { rows } = await database.pool.query('select count(*)::int as waiting from event_outbox')
    expect(rows).toEqual([{ waiting: 2 }])
  })
})
