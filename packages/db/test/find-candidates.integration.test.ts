import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createId, isNameCovered, type TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  seedTwoTenants,
  type TestDatabase,
  type TwoTenants,
} from '@signalbox/testkit'
import { createDatabase, createEventStore, type Database, type EventStore } from '../src/index.js'

let testDatabase: TestDatabase
let database: Database
let store: EventStore
let tenants: TwoTenants
let scope: TenantScope

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 2 })
  store = createEventStore(database)
  tenants = await seedTwoTenants(testDatabase)
  scope = { organizationId: tenants.a.organizationId, environmentId: tenants.a.production.id }
})

afterEach(async () => {
  await database.pool.query('delete from event_dispatchers')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

interface Row {
  id?: string
  names?: string[]
  source?: string
  change?: string
}

async function add({ id = createId(), names = ['n'], source = 's', change }: Row): Promise<string> {
  await database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable)
     values ($1, $2, $3, $4, $5, 'WEBHOOK', $3::uuid::text, jsonb_build_object('type', 'WEBHOOK', 'id', $3::uuid::text))`,
    [scope.organizationId, scope.environmentId, id, names, source],
  )
  if (change !== undefined) await database.pool.query(`update event_dispatchers set ${change} where id = $1`, [id])
  return id
}

/** Many that want something else, or this, with ids from here on. */
async function addMany(count: number, names: string[]): Promise<void> {
  await database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable)
     select $1, $2, (left($5::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, $3, 's', 'SEARCH', $5 || ' ' || n, '{}'
     from generate_series(1, $4::int) n`,
    [scope.organizationId, scope.environmentId, names, count, createId()],
  )
}

async function findAll(event = { name: 'n', source: 's', externalAccountId: null as string | null }) {
  const pages: string[][] = []
  let afterId: string | undefined
  do {
    const page = await store.findCandidates(scope, event, afterId)
    pages.push(page.rules.map((rule) => rule.id))
    afterId = page.nextAfterId
  } while (afterId !== undefined)
  return pages
}

test('candidates are those whose names cover the event, as in matching', async () => {
  const entries = [
    'a.b',
    'a.*',
    'a*',
    '*',
    'a.b*',
    'a.c*',
    'b*',
    'A.B',
    'a._',
    'a.%',
    'a\\.b',
    'a.b.c',
    '**',
    'a.b.*',
    '',
  ]
  const rows = new Map<string, string>()
  for (const entry of entries) rows.set(await add({ names: ['other', entry] }), entry)
  for (const name of ['a.b', 'a.b.c', 'a._', 'a', '*']) {
    const found = (await findAll({ name, source: 's', externalAccountId: null })).flat()
    const covering = [...rows].filter(([, entry]) => isNameCovered(entry, name)).map(([id]) => id)
    expect([name, found]).toEqual([name, covering])
  }
})

test('candidates have the source and the account of the event, and are open to it', async () => {
  const plain = await add({})
  const any = await add({ source: '*' })
  await add({ source: 'other' })
  for (const change of ['enabled = false', 'manual = true', 'deleted_at = now()']) await add({ change })
  await createTestEphemeral(database, scope, { url: 'http://127.0.0.1:9/', eventNames: ['*'] })
  await createTestWebhook(database, {
    organizationId: tenants.b.organizationId,
    environmentId: tenants.b.production.id,
  })
  await createTestWebhook(database, { ...scope, environmentId: tenants.a.development.id })
  const account = { identifier: 'one', createIfMissing: true }
  const bound = await createTestWebhook(database, scope, { source: 's', account })
  const { id: externalAccountId } = await database.prisma.externalAccount.findFirstOrThrow()
  expect(await findAll()).toEqual([[plain, any]])
  const ofAccount = await findAll({ name: 'n', source: 's', externalAccountId })
  expect(ofAccount).toEqual([[plain, any, bound.dispatcherId]])
  const ofOther = await findAll({ name: 'n', source: 's', externalAccountId: createId() })
  expect(ofOther).toEqual([[plain, any]])
})

test('a page looks at 20,000 and gives 1,000, and every candidate comes once', async () => {
  await addMany(20_500, ['else'])
  await addMany(1_500, ['n'])
  const last = await add({})
  const pages = await findAll()
  expect(pages.map((page) => page.length)).toEqual([0, 1_000, 501])
  expect(new Set(pages.flat()).size).toBe(1_501)
  expect(pages.flat()).toEqual(pages.flat().toSorted())
  expect(pages.flat().at(-1)).toBe(last)
}, 30_000)
