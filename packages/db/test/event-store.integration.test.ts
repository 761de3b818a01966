import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { TenantScope } from '@signalbox/domain'
import { createTestDatabase, seedTwoTenants, type TestDatabase, type TwoTenants } from '@signalbox/testkit'
import { createDatabase, createEventStore, type Database, type EventQuery, type EventStore } from '../src/index.js'
import { EVENTS_SCANNED_MAX, toListEventsSql } from '../src/sql/read-events.js'

const EVENTS = EVENTS_SCANNED_MAX + 500

let testDatabase: TestDatabase
let database: Database
let store: EventStore
let scope: TenantScope
let tenants: TwoTenants

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  tenants = await seedTwoTenants(testDatabase)
  const { a, b } = tenants
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 2 })
  store = createEventStore(database)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
  for (const other of [scope, { organizationId: b.organizationId, environmentId: b.production.id }]) {
    await database.pool.query(
      `insert into event_records (organization_id, environment_id, id, event_id, name, source, "timestamp", payload,
         payload_type, context, deliver_at, is_test)
       select $1, $2, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'e' || n,
         case when n <= 3 then 'rare' else 'common' end, 's', now(), jsonb_build_object('n', n), 'JSON', '{}', now(), false
       from generate_series(1, $3) n`,
      [other.organizationId, other.environmentId, EVENTS],
    )
  }
  await database.pool.query('analyze event_records')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

describe('listing events', () => {
  test('looks at a bounded number of rows, and still finds what is far back', async () => {
    const first = await store.listEvents(scope, { limit: 10, name: 'rare' })
    expect(first).toEqual({ items: [], nextBeforeId: expect.any(String) })
    const second = await store.listEvents(scope, { limit: 10, name: 'rare', beforeId: first.nextBeforeId })
    expect(second.items.map((event) => event.eventId)).toEqual(['e3', 'e2', 'e1'])
    expect(second.nextBeforeId).toBeUndefined()
  })

  test('gives every event once over all pages, whatever is filtered', async () => {
    const queries: Omit<EventQuery, 'limit' | 'beforeId'>[] = [{}, { state: 'pending' }, { payload: {} }]
    for (const query of queries) {
      const seen = new Set<string>()
      let beforeId: string | undefined
      for (let page = 0; page < 200; page += 1) {
        const { items, nextBeforeId } = await store.listEvents(scope, { ...query, limit: 100, beforeId })
        for (const event of items) seen.add(event.eventId)
        beforeId = nextBeforeId
        if (beforeId === undefined) break
      }
      expect(seen.size).toBe(EVENTS)
    }
  })

  test('finds the one with an id at once', async () => {
    const values: unknown[] = [scope.organizationId, scope.environmentId, 'none']
    const range = ['organization_id = $1 and environment_id = $2', 'event_id = $3']
    const { rows } = await database.pool.query(`explain ${toListEventsSql({ range, filter: [] }, 10)}`, values)
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('event_records_event_id_key')
    expect(await store.listEvents(scope, { limit: 10, id: 'none' })).toEqual({ items: [], nextBeforeId: undefined })
  })

  test('reads its rows from the index, in order, and no others', async () => {
    const conditions = { range: ['organization_id = $1 and environment_id = $2'], filter: [`r.name = 'common'`] }
    const { rows } = await database.pool.query(`explain (format json) ${toListEventsSql(conditions, 25)}`, [
      scope.organizationId,
      scope.environmentId,
    ])
    const plan = JSON.stringify(rows)
    expect(plan).toContain('event_records_newest_idx')
    expect(plan).not.toMatch(/"Node Type":"(?:Seq Scan|Sort)"/)
  })
})

test('an event that is elsewhere is told from one that is nowhere', async () => {
  const stranger = { organizationId: scope.organizationId, environmentId: '01900000-0000-7000-8000-000000000000' }
  expect(await store.isEventElsewhere(stranger, 'e1')).toBe(true)
  expect(await store.isEventElsewhere(stranger, 'none')).toBe(false)
})

describe('large things', () => {
  const LARGE = 20

  test('a page of events ends early, and every event still comes once', async () => {
    const other = { organizationId: tenants.b.organizationId, environmentId: tenants.b.development.id }
    await database.pool.query(
      `insert into event_records (organization_id, environment_id, id, event_id, name, source, "timestamp", payload,
         payload_type, context, deliver_at, is_test)
       select $1, $2, gen_random_uuid(), 'large-' || n, 'large', 's', now(),
         jsonb_build_object('text', repeat('x', 400000)), 'JSON', jsonb_build_object('text', repeat('y', 100000)),
         now(), false
       from generate_series(1, $3) n`,
      [other.organizationId, other.environmentId, LARGE],
    )
    const sizes: number[] = []
    const seen = new Set<string>()
    let beforeId: string | undefined
    do {
      const page = await store.listEvents(other, { limit: 100, beforeId, name: 'large' })
      sizes.push(page.items.length)
      for (const event of page.items) seen.add(event.eventId)
      beforeId = page.nextBeforeId
    } while (beforeId !== undefined)
    // 500 kB each: the ninth goes past 4 MiB.
    expect(sizes).toEqual([9, 9, 2])
    expect(seen.size).toBe(LARGE)
  })

  test('so does a page of the deliveries of an event, with their attempts', async () => {
    const recordId = '01900000-0000-7000-8000-000000000001'
    await database.pool.query(
      `with endpoints as (
         insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
           dispatchable_id, dispatchable)
         select $1, $2, gen_random_uuid(), '{*}', '*', 'WEBHOOK', 'w' || n, '{}' from generate_series(1, 5) n
         returning id
       ), owed as (
         insert into deliveries (organization_id, environment_id, id, event_record_id, dispatcher_id, state)
         select $1, $2, gen_random_uuid(), $3, id, 'succeeded' from endpoints
         returning id
       )
       insert into delivery_attempts (organization_id, delivery_id, number, started_at, duration_ms, outcome, response_body)
       select $1, owed.id, n, now(), 1, 'failed', repeat('z', 40000) from owed, generate_series(1, 50) n`,
      [scope.organizationId, scope.environmentId, recordId],
    )
    const first = await store.listEventDeliveries(scope, recordId, { limit: 100 })
    expect(first.items.map((delivery) => delivery.attempts.length)).toEqual([50, 50, 50])
    const second = await store.listEventDeliveries(scope, recordId, { limit: 100, beforeId: first.nextBeforeId })
    expect(second.items).toHaveLength(2)
    expect(second.nextBeforeId).toBeUndefined()
    expect(new Set([...first.items, ...second.items].map((delivery) => delivery.id)).size).toBe(5)
  })
})
