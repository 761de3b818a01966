import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createId, type TenantScope } from '@signalbox/domain'
import { createTestDatabase, seedTwoTenants, TEST_MASTER_KEYS, type TestDatabase } from '@signalbox/testkit'
import {
  createDatabase,
  createDispatcherStore,
  createPruneStore,
  createSecretBox,
  type Database,
  type DispatcherStore,
} from '../src/index.js'
import { useUpDispatchersSql } from '../src/sql/write-deliveries.js'

const DISPATCHERS_MAX = 12

let testDatabase: TestDatabase
let database: Database
let scope: TenantScope
let dispatchers: DispatcherStore

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  const { a } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
  dispatchers = createDispatcherStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))
  await database.pool.query('update runtime_environments set limits = $2, retention_days = 1 where id = $1', [
    scope.environmentId,
    { dispatchersMax: DISPATCHERS_MAX },
  ])
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

async function create(): Promise<string | undefined> {
  const outcome = await dispatchers.createEphemeralDispatcher(scope, {
    url: `https://example.com/${createId()}`,
    eventNames: ['x'],
    source: 'shop',
    payloadFilter: null,
    contextFilter: null,
    account: null,
    timeoutInSeconds: 60,
    secret: 'whsec_aHVzaA==',
  })
  if (!outcome.ok) expect(outcome.code).toBe('limit_exceeded')
  return outcome.ok ? outcome.id : undefined
}

const endings: ((id: string) => Promise<unknown>)[] = [
  (id) => database.pool.query(useUpDispatchersSql, [JSON.stringify([{ o: scope.organizationId, i: id }])]),
  (id) => database.pool.query('update event_dispatchers set expires_at = now() where id = $1', [id]),
  (id) => dispatchers.deleteDispatcher(scope, id),
]

async function readCounts() {
  const { rows } = await database.pool.query(
    `select count(*) filter (where deleted_at is null and expires_at > now())::int as live,
       count(*) filter (where is_counted)::int as counted, count(*)::int as rows,
       (select live_count from dispatcher_sets where environment_id = $1) as noted
     from event_dispatchers where environment_id = $1`,
    [scope.environmentId],
  )
  return rows[0] as { live: number; counted: number; rows: number; noted: number }
}

test('the number of dispatchers stays right while they are made, used up, run out, are deleted and pruned at once', async () => {
  let isMaking = true
  let made = 0
  let refused = 0
  const make = async (seed: number) => {
    for (let n = 0; n < 30; n++) {
      const id = await create()
      if (id === undefined) refused += 1
      else made += 1
      // Every fourth stays: soon there is no room but what others give back.
      if (id !== undefined && n % 4 !== 3) await endings[(seed + n) % endings.length]?.(id)
    }
  }
  const prune = async () => {
    const store = createPruneStore(database)
    while (isMaking) {
      await database.pool.query(
        `update event_dispatchers set deleted_at = now() - interval '3 days' where deleted_at is not null and id in (
           select id from event_dispatchers where deleted_at is not null limit 5 for update skip locked)`,
      )
      await store.pruneDispatchers(3)
    }
  }
  const watch = async () => {
    while (isMaking) expect((await readCounts()).live).toBeLessThanOrEqual(DISPATCHERS_MAX)
  }
  const rest = [prune(), prune(), watch()]
  await Promise.all(Array.from({ length: 6 }, (_, seed) => make(seed)))
  isMaking = false
  await Promise.all(rest)
  const counts = await readCounts()
  expect(counts.noted).toBe(counts.counted)
  expect(made).toBeGreaterThan(DISPATCHERS_MAX)
  expect(refused).toBeGreaterThan(0)
  // Whatever ended gives its place, so there is room for just as many as do not live.
  while ((await create()) !== undefined);
  const full = await readCounts()
  expect(full).toMatchObject({ live: DISPATCHERS_MAX, noted: DISPATCHERS_MAX, counted: DISPATCHERS_MAX })
}, 60_000)
