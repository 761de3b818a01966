import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createId, type TenantScope } from '@signalbox/domain'
import { createTestDatabase, seedTwoTenants, type TestDatabase, type TwoTenants } from '@signalbox/testkit'
import {
  createAccountStore,
  createDatabase,
  createDeliveryStore,
  createDispatcherStore,
  createEndpointStore,
  createSecretBox,
  type Database,
  isStorageUnavailable,
} from '../src/index.js'

let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let scope: TenantScope
let stranger: TenantScope

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 6 })
  tenants = await seedTwoTenants(testDatabase)
  scope = { organizationId: tenants.a.organizationId, environmentId: tenants.a.production.id }
  stranger = { organizationId: tenants.b.organizationId, environmentId: tenants.b.production.id }
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

const box = createSecretBox(`test:${randomBytes(32).toString('base64')}`)

const SUBSCRIPTION = { eventNames: ['x'], source: 's', payloadFilter: null, contextFilter: null, account: null }
const SETTINGS = {
  url: 'https://hooks.example/',
  description: '',
  method: 'POST',
  timeoutMs: 1_000,
  concurrency: 1,
  retryPolicy: null,
  headers: { 'x-key': 'hush' },
  enabled: true,
} as const

async function makeEndpoint(): Promise<{ endpointId: string; dispatcherId: string }> {
  const outcome = await createEndpointStore(database.prisma, box).createEndpoint(scope, {
    settings: SETTINGS,
    secret: { secret: 'whsec_hush' },
    subscription: SUBSCRIPTION,
  })
  if (!outcome.ok || outcome.endpoint.subscription === null) throw new Error('no endpoint was made')
  return { endpointId: outcome.endpoint.id, dispatcherId: outcome.endpoint.subscription.id }
}

/** Events of the scope, in one statement. */
async function makeEvents(
  count: number,
  accountId: string | null = null,
  environmentId = scope.environmentId,
): Promise<void> {
  const ids = Array.from({ length: count }, () => createId())
  await database.pool.query(
    `insert into event_records (organization_id, environment_id, id, event_id, name, source, "timestamp", payload,
       payload_type, context, external_account_id, deliver_at, is_test)
     select $1, $2, id, id::text, 'x', 's', now(), '{}', 'JSON', '{}', $4, now(), false from unnest($3::uuid[]) as id`,
    [scope.organizationId, environmentId, ids, accountId],
  )
}

describe('accounts', () => {
  test('deleting one detaches more events than one batch holds, and leaves the others alone', async () => {
    const accounts = createAccountStore(database.prisma)
    const leaving = await accounts.createAccount(scope, { identifier: 'leaving', metadata: {} })
    const staying = await accounts.createAccount(scope, { identifier: 'staying', metadata: {} })
    await makeEvents(10_500, leaving?.id)
    await makeEvents(10, staying?.id)
    expect(await accounts.deleteAccount(scope, 'leaving')).toBe(true)
    const { rows } = await database.pool.query(
      `select external_account_id as account, count(*)::int as events from event_records group by 1 order by 2`,
    )
    expect(rows).toEqual([
      { account: staying?.id, events: 10 },
      { account: null, events: 10_500 },
    ])
  })

  test('the scope is part of every call', async () => {
    const accounts = createAccountStore(database.prisma)
    await accounts.createAccount(scope, { identifier: 'mine', metadata: { of: 'a' } })
    expect(await accounts.findAccount(stranger, 'mine')).toBeUndefined()
    expect(await accounts.updateAccount(stranger, 'mine', { metadata: {} })).toBeUndefined()
    expect(await accounts.deleteAccount(stranger, 'mine')).toBe(false)
    expect(await accounts.isAccountElsewhere(stranger, 'mine')).toBe(true)
    expect(await accounts.isAccountElsewhere(scope, 'mine')).toBe(false)
    // The organization of one with the environment of the other is nobody's.
    const mixed = { organizationId: stranger.organizationId, environmentId: scope.environmentId }
    expect(await accounts.findAccount(mixed, 'mine')).toBeUndefined()
    expect(await accounts.findAccount(scope, 'mine')).toMatchObject({ metadata: { of: 'a' } })
  })

  test('one that is deleted while a dispatcher is bound to it leaves no dispatcher without its account', async () => {
    const accounts = createAccountStore(database.prisma)
    const dispatchers = createDispatcherStore(database.prisma, box)
    for (let round = 0; round < 20; round += 1) {
      const identifier = `racing ${round}`
      await accounts.createAccount(scope, { identifier, metadata: {} })
      const { endpointId } = await makeEndpoint()
      await Promise.all([
        accounts.deleteAccount(scope, identifier),
        dispatchers.createDispatcher(scope, {
          ...SUBSCRIPTION,
          account: { identifier, createIfMissing: false },
          manual: false,
          enabled: true,
          dispatchable: { type: 'WEBHOOK', id: endpointId },
          dispatchableId: `own ${round}`,
        }),
      ])
      const where = { dispatchableId: `own ${round}`, deletedAt: null }
      const row = await database.prisma.eventDispatcher.findFirst({ where })
      if (row !== null) expect(row.externalAccountId).not.toBeNull()
    }
  })
})

describe('endpoints', () => {
  test('a sealed column copied to another endpoint does not open', async () => {
    const [one, two] = [await makeEndpoint(), await makeEndpoint()]
    const endpoints = createEndpointStore(database.prisma, box)
    const { secretsSealed } = await database.prisma.webhookEndpoint.findFirstOrThrow({ where: { id: one.endpointId } })
    await database.prisma.webhookEndpoint.updateMany({ where: { id: two.endpointId }, data: { secretsSealed } })
    await expect(endpoints.findEndpoint(scope, two.endpointId)).rejects.toMatchObject({ code: 'sealed_text_damaged' })
    await database.prisma.webhookEndpoint.deleteMany({ where: { id: two.endpointId } })
  })

  test('what another master key sealed says which key is missing', async () => {
    const { endpointId } = await makeEndpoint()
    const later = createEndpointStore(database.prisma, createSecretBox(`new:${randomBytes(32).toString('base64')}`))
    await expect(later.findEndpoint(scope, endpointId)).rejects.toMatchObject({
      code: 'master_key_unknown',
      message: expect.stringContaining('"test"'),
    })
  })

  test('one that is deleted while a dispatcher is made for it leaves no dispatcher behind', async () => {
    const endpoints = createEndpointStore(database.prisma, box)
    const dispatchers = createDispatcherStore(database.prisma, box)
    for (let round = 0; round < 20; round += 1) {
      const { endpointId } = await makeEndpoint()
      const dispatchable = { type: 'WEBHOOK', id: endpointId }
      await Promise.all([
        endpoints.deleteEndpoint(scope, endpointId),
        dispatchers.createDispatcher(scope, {
          ...SUBSCRIPTION,
          manual: false,
          enabled: true,
          dispatchable,
          dispatchableId: `late ${round}`,
        }),
      ])
      const { rows } = await database.pool.query(
        `select id from event_dispatchers where deleted_at is null and dispatchable ->> 'id' = $1`,
        [endpointId],
      )
      expect(rows).toEqual([])
    }
  })
})

describe('transactions', () => {
  /** Keeps another connection on the row that every change of the environment's dispatchers has to lock. */
  async function holdSet<T>(run: () => Promise<T>, release: Promise<unknown>): Promise<T> {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      await client.query('select 1 from dispatcher_sets where environment_id = $1 for update', [scope.environmentId])
      const running = run()
      await Promise.race([release, running.catch(() => undefined)])
      await client.query('commit')
      return await running
    } finally {
      client.release()
    }
  }

  test('one that has to wait for long is whole all the same', async () => {
    const { dispatcherId } = await makeEndpoint()
    const dispatchers = createDispatcherStore(database.prisma, box)
    // Longer than the five seconds after which Prisma ends a transaction unless it is told otherwise.
    const released = new Promise((resolve) => setTimeout(resolve, 5_500))
    expect(await holdSet(() => dispatchers.deleteDispatcher(scope, dispatcherId), released)).toBe(true)
    expect(await dispatchers.findDispatcher(scope, dispatcherId)).toBeUndefined()
  })

  test('one whose statement takes too long leaves nothing behind, and says that storage is away', async () => {
    const hasty = createDatabase({ url: testDatabase.databaseUrl, poolMax: 1, statementTimeoutMs: 300 })
    try {
      const count = await database.prisma.webhookEndpoint.count()
      const endpoints = createEndpointStore(hasty.prisma, box)
      const endpoint = { settings: SETTINGS, secret: { secret: 'whsec_hush' }, subscription: SUBSCRIPTION }
      const forever = new Promise(() => undefined)
      const failure = await holdSet(() => endpoints.createEndpoint(scope, endpoint), forever).catch((error) => error)
      expect(isStorageUnavailable(failure)).toBe(true)
      expect(await database.prisma.webhookEndpoint.count()).toBe(count)
      // The connection is as good as before.
      expect(await endpoints.createEndpoint(scope, endpoint)).toMatchObject({ ok: true })
    } finally {
      await hasty.close()
    }
  })
})

test('every way to a server that is away says that storage is away', async () => {
  const away = createDatabase({ url: 'postgresql://postgres@127.0.0.1:1/none', poolMax: 1 })
  try {
    const accounts = createAccountStore(away.prisma)
    const dispatchers = createDispatcherStore(away.prisma, box)
    const deliveries = createDeliveryStore(away.prisma)
    const id = createId()
    const calls: Promise<unknown>[] = [
      accounts.findAccount(scope, 'x'),
      accounts.listAccounts(scope, { limit: 1 }),
      accounts.createAccount(scope, { identifier: 'x', metadata: {} }),
      accounts.deleteAccount(scope, 'x'),
      accounts.isAccountElsewhere(scope, 'x'),
      dispatchers.deleteDispatcher(scope, id),
      dispatchers.updateDispatcher(scope, id, { enabled: true }),
      deliveries.listDeliveries(scope, { limit: 1 }),
      deliveries.findDelivery(scope, id),
      deliveries.replayDelivery(scope, id),
    ]
    const results = await Promise.allSettled(calls)
    const isAway = results.map((result) => result.status === 'rejected' && isStorageUnavailable(result.reason))
    expect(isAway).toEqual(calls.map(() => true))
  } finally {
    await away.close()
  }
})

describe('deliveries', () => {
  test('a rare thing among very many is found over several bounded pages', async () => {
    const deliveries = createDeliveryStore(database.prisma)
    const { dispatcherId } = await makeEndpoint()
    const rare = await makeDeliveries(dispatcherId, 12_000)
    const found: string[] = []
    const sizes: number[] = []
    let beforeId: string | undefined
    do {
      const page = await deliveries.listDeliveries(scope, { state: 'dead', limit: 10, beforeId })
      found.push(...page.items.map(({ id }) => id))
      sizes.push(page.items.length)
      beforeId = page.nextBeforeId
    } while (beforeId !== undefined)
    expect(found).toEqual(rare.toReversed())
    expect(sizes).toEqual([1, 0, 1])
  })

  test('the list reads its own index, newest first, and stops at the limit', async () => {
    const { dispatcherId } = await makeEndpoint()
    await makeDeliveries(dispatcherId, 12_000, tenants.a.development.id)
    await database.pool.query('analyze deliveries')
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(
      `explain select d.id from (select d.* from deliveries d where d.organization_id = $1 and d.environment_id = $2
         order by d.id desc limit 5000) d where d.state = 'dead' order by d.id desc limit 11`,
      [scope.organizationId, scope.environmentId],
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toContain('Index Scan Backward using deliveries_newest_idx')
    expect(plan).not.toContain('Sort')
  })
})

/** Pending deliveries of which the oldest and the newest are dead; gives the ids of those two. */
async function makeDeliveries(
  dispatcherId: string,
  count: number,
  environmentId = scope.environmentId,
): Promise<string[]> {
  const before = createId()
  await makeEvents(count, null, environmentId)
  await database.pool.query(
    `insert into deliveries (organization_id, environment_id, id, event_record_id, dispatcher_id)
     select organization_id, environment_id, id, id, $1 from event_records where organization_id = $2 and id > $3`,
    [dispatcherId, scope.organizationId, before],
  )
  const { rows } = await database.pool.query<{ id: string }>(
    `update deliveries set state = 'dead' where id in (
       (select id from deliveries order by id limit 1) union all (select id from deliveries order by id desc limit 1))
     returning id`,
  )
  return rows.map(({ id }) => id).sort()
}
