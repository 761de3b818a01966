import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestWebhook,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
  type TestWebhook,
} from '@signalbox/testkit'
import {
  createAccountStore,
  createDatabase,
  createEndpointStore,
  createSecretBox,
  type Database,
} from '../src/index.js'

/** More than two transactions end. */
const MANY = 10_500

let testDatabase: TestDatabase
let database: Database
let scope: TenantScope
let hook: TestWebhook
let other: TestWebhook

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 4 })
  const { a } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
})

beforeEach(async () => {
  await database.pool.query('delete from event_dispatchers; update dispatcher_sets set live_count = 0')
  const account = { identifier: 'leaving', createIfMissing: true }
  hook = await createTestWebhook(database, scope, { account })
  other = await createTestWebhook(database, scope)
  await database.pool.query(
    `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
       dispatchable_id, dispatchable, external_account_id, is_counted)
     select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, 'own ' || n, dispatchable,
       external_account_id, true from event_dispatchers, generate_series(1, $2::int) n where id = $1`,
    [hook.dispatcherId, MANY],
  )
  await database.pool.query('update dispatcher_sets set live_count = live_count + $2 where environment_id = $1', [
    scope.environmentId,
    MANY,
  ])
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

async function readLive(): Promise<{ id: string }[]> {
  const { rows } = await database.pool.query<{ id: string }>(
    'select id from event_dispatchers where deleted_at is null order by id',
  )
  return rows
}

async function readSet(): Promise<{ version: number; live_count: number }> {
  const { rows } = await database.pool.query<{ version: number; live_count: number }>(
    'select version::int, live_count from dispatcher_sets where environment_id = $1',
    [scope.environmentId],
  )
  if (rows[0] === undefined) throw new Error('the environment has no set')
  return rows[0]
}

/** Lets transactions end this many dispatchers, and no more. */
async function refuseAfter(count: number): Promise<void> {
  await database.pool.query(`
    create function refuse_more() returns trigger language plpgsql as $$ begin
      if (select count(*) from event_dispatchers where deleted_at is not null) > ${count} then
        raise exception 'no more';
      end if;
      return null;
    end $$;
    create trigger refuse_more after update on event_dispatchers for each statement execute function refuse_more()`)
}

const allowAll = () => database.pool.query('drop trigger refuse_more on event_dispatchers; drop function refuse_more')

describe('an endpoint that very many dispatchers send to', () => {
  const endpoints = () => createEndpointStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))

  test('ends them all with itself, and no others', async () => {
    const before = await readSet()
    expect(await endpoints().deleteEndpoint(scope, hook.endpointId)).toBe(true)
    expect(await readLive()).toEqual([{ id: other.dispatcherId }])
    expect(await endpoints().findEndpoint(scope, hook.endpointId)).toBeUndefined()
    // A transaction for each 5,000.
    expect(await readSet()).toEqual({ version: before.version + 3, live_count: before.live_count - MANY - 1 })
    expect(await endpoints().deleteEndpoint(scope, hook.endpointId)).toBe(false)
  })

  test('is disabled when its deletion is cut off, and goes when it is deleted again', async () => {
    await refuseAfter(5_000)
    await expect(endpoints().deleteEndpoint(scope, hook.endpointId)).rejects.toThrow('no more')
    await allowAll()
    expect(await endpoints().findEndpoint(scope, hook.endpointId)).toMatchObject({ enabled: false })
    expect(await readLive()).toHaveLength(MANY + 2 - 5_000)
    expect(await endpoints().deleteEndpoint(scope, hook.endpointId)).toBe(true)
    expect(await readLive()).toEqual([{ id: other.dispatcherId }])
  })
})

describe('an account that very many dispatchers are bound to', () => {
  const accounts = () => createAccountStore(database.prisma)

  test('ends them all with itself, and no others', async () => {
    const before = await readSet()
    expect(await accounts().deleteAccount(scope, 'leaving')).toBe(true)
    expect(await readLive()).toEqual([{ id: other.dispatcherId }])
    expect(await accounts().findAccount(scope, 'leaving')).toBeUndefined()
    expect(await readSet()).toEqual({ version: before.version + 3, live_count: before.live_count - MANY - 1 })
  })

  test('stays when its deletion is cut off, and goes when it is deleted again', async () => {
    await refuseAfter(5_000)
    await expect(accounts().deleteAccount(scope, 'leaving')).rejects.toThrow('no more')
    await allowAll()
    expect(await accounts().findAccount(scope, 'leaving')).toMatchObject({ identifier: 'leaving' })
    expect(await accounts().deleteAccount(scope, 'leaving')).toBe(true)
    expect(await readLive()).toEqual([{ id: other.dispatcherId }])
  })
})
