import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createId, type TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  type TestDatabase,
} from '@signalbox/testkit'
import { createAcceptStore, createDatabase, createDeliverStore, type Database } from '../src/index.js'

let testDatabase: TestDatabase
let database: Database
let scope: TenantScope

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 4 })
  const { a } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

async function accept(): Promise<string> {
  const event = { ...scope, event: makeEvent(), externalAccountId: null, accountIdentifier: null }
  const [stored] = await createAcceptStore(database).acceptGroup([event], false)
  if (stored === undefined) throw new Error('not stored')
  return stored.ref.eventRecordId
}

test('places of dispatchers that were used up meanwhile go to the next ones, and only these', async () => {
  const store = createDeliverStore(database)
  const webhooks = await Promise.all([1, 2, 3].map(() => createTestWebhook(database, scope)))
  const [plain, next, last] = webhooks.map((webhook) => webhook.dispatcherId) as [string, string, string]
  const url = 'http://127.0.0.1:9/once'
  const [used, free] = await Promise.all(
    ['used', 'free'].map((name) => createTestEphemeral(database, scope, { url: `${url}/${name}`, eventNames: ['*'] })),
  )
  const toDeliveries = (eventRecordId: string, dispatcherIds: (string | undefined)[], once = false) =>
    dispatcherIds.map((id) => ({ id: createId(), eventRecordId, dispatcherId: id ?? '', once }))
  const earlier = await accept()
  const taken = { ...scope, eventRecordId: earlier, fanoutLimited: 0, failure: null }
  await store.writeDeliveries([{ ...taken, deliveries: toDeliveries(earlier, [used], true) }])

  const eventRecordId = await accept()
  const deliveries = [...toDeliveries(eventRecordId, [plain]), ...toDeliveries(eventRecordId, [used, free], true)]
  const spares = toDeliveries(eventRecordId, [next, last])
  const decision = { ...scope, eventRecordId, deliveries, spares, fanoutLimited: 5, failure: null }
  const written = await store.writeDeliveries([decision])
  expect(written.map((ref) => ref.dispatcherId).toSorted()).toEqual([plain, free, next].toSorted())
  const { rows } = await database.pool.query('select matched_count, fanout_limited from event_records where id = $1', [
    eventRecordId,
  ])
  expect(rows).toEqual([{ matched_count: 3, fanout_limited: 4 }])
})
