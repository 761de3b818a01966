import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createId } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
} from '@signalbox/testkit'
import {
  createAcceptStore,
  createDatabase,
  createDeliverStore,
  createDispatchStore,
  createSecretBox,
  type Database,
} from '../src/index.js'

const GROUPS = 4
const GROUP = 250
const CLAIM = 50

let testDatabase: TestDatabase
let database: Database

// One connection, so that what it counts can be asked for at once.
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 1 })
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

async function countUpdates(table: string): Promise<{ all: number; hot: number }> {
  await database.pool.query('select pg_stat_force_next_flush()')
  const { rows } = await database.pool.query<{ all: number; hot: number }>(
    `select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = $1`,
    [table],
  )
  return rows[0] ?? { all: 0, hot: 0 }
}

test('events and deliveries are updated in place, with answers as web servers give them', async () => {
  const { a } = await seedTwoTenants(testDatabase)
  const scope = { organizationId: a.organizationId, environmentId: a.production.id }
  const { dispatcherId } = await createTestWebhook(database, scope)
  const accept = createAcceptStore(database)
  const deliver = createDeliverStore(database)
  const dispatch = createDispatchStore(database, createSecretBox(TEST_MASTER_KEYS))
  // About 200 bytes as they are stored.
  const responseHeaders = { server: 'nginx', 'content-type': 'text/plain', date: 'x'.repeat(29), via: 'x'.repeat(100) }
  const reading = { outcome: 'succeeded' as const, durationMs: 1, status: 200, responseBody: 'ok', responseHeaders }
  for (let group = 0; group < GROUPS; group += 1) {
    const events = Array.from({ length: GROUP }, () => makeEvent())
    const stored = await accept.acceptGroup(
      events.map((event) => ({ ...scope, event, externalAccountId: null, accountIdentifier: null })),
      true,
    )
    const refs = await deliver.writeDeliveries(
      stored.map(({ ref: { eventRecordId } }) => ({
        ...scope,
        eventRecordId,
        deliveries: [{ id: createId(), eventRecordId, dispatcherId, once: false }],
        fanoutLimited: 0,
        failure: null,
      })),
    )
    for (let start = 0; start < refs.length; start += CLAIM) {
      const claimed = await dispatch.claimDeliveries(refs.slice(start, start + CLAIM), 60_000)
      const startedAt = new Date()
      const records = claimed.map((delivery) => ({ delivery, startedAt, reading, step: { kind: 'complete' as const } }))
      expect(await dispatch.recordAttempts(records)).toEqual(records.map(() => true))
    }
  }
  const ofEvents = await countUpdates('event_records')
  const ofDeliveries = await countUpdates('deliveries')
  expect([ofEvents.all, ofDeliveries.all]).toEqual([GROUPS * GROUP, 2 * GROUPS * GROUP])
  expect(ofEvents.hot / ofEvents.all).toBeGreaterThan(0.95)
  expect(ofDeliveries.hot / ofDeliveries.all).toBeGreaterThan(0.8)
})
