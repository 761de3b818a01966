import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createId, type DispatcherRule, type TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
} from '@signalbox/testkit'
import {
  createAccountStore,
  createDatabase,
  createDeliverStore,
  createDispatcherStore,
  createEndpointStore,
  createPruneStore,
  createSecretBox,
  type Database,
  type DispatcherStore,
  type EndpointStore,
  type NewDispatcher,
} from '../src/index.js'

const URL_OF_NOBODY = 'http://127.0.0.1:9/'

let testDatabase: TestDatabase
let database: Database
let scope: TenantScope
let other: TenantScope
let rules: ReturnType<typeof createDeliverStore>
let dispatchers: DispatcherStore
let endpoints: EndpointStore

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  rules = createDeliverStore(database)
  dispatchers = createDispatcherStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))
  endpoints = createEndpointStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))
})

beforeEach(async () => {
  const { a, b } = await seedTwoTenants(testDatabase)
  scope = { organizationId: a.organizationId, environmentId: a.production.id }
  other = { organizationId: b.organizationId, environmentId: b.production.id }
})

afterEach(async () => {
  for (const table of ['event_dispatchers', 'webhook_endpoints', 'external_accounts', 'dispatcher_sets']) {
    await database.pool.query(`delete from ${table}`)
  }
  await database.pool.query(`update runtime_environments set limits = '{}'`)
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

function describeDispatcher(more: Partial<NewDispatcher> = {}): NewDispatcher {
  return {
    eventNames: ['*'],
    source: 'shop',
    payloadFilter: null,
    contextFilter: null,
    manual: false,
    enabled: true,
    account: null,
    dispatchable: { type: 'SEARCH', id: createId() },
    ...more,
  }
}

async function create(more: Partial<NewDispatcher> = {}): Promise<string> {
  const outcome = await dispatchers.createDispatcher(scope, describeDispatcher(more))
  if (!outcome.ok) throw new Error(outcome.code)
  return outcome.dispatcher.id
}

async function readSet(): Promise<{ version: number; pruned: number; live: number }> {
  const { rows } = await database.pool.query(
    `select version::int, pruned_version::int as pruned, live_count as live from dispatcher_sets
     where environment_id = $1`,
    [scope.environmentId],
  )
  return rows[0] ?? { version: 0, pruned: 0, live: 0 }
}

/** Ids of the rows that stand in the newest version. */
async function readStamped(): Promise<string[]> {
  const { rows } = await database.pool.query<{ id: string }>(
    `select id from event_dispatchers d join dispatcher_sets s using (organization_id, environment_id)
     where d.environment_id = $1 and d.set_version = s.version order by id`,
    [scope.environmentId],
  )
  return rows.map((row) => row.id)
}

async function countLive(): Promise<number> {
  const { rows } = await database.pool.query(
    `select count(*)::int as count from event_dispatchers where environment_id = $1 and deleted_at is null`,
    [scope.environmentId],
  )
  return rows[0].count
}

async function limit(limits: object): Promise<void> {
  await database.pool.query('update runtime_environments set limits = $2 where id = $1', [scope.environmentId, limits])
}

async function loadAll(pageSize = 1_000): Promise<Map<string, DispatcherRule>> {
  const all = new Map<string, DispatcherRule>()
  for (let afterId: string | null = null; ;) {
    const page = await rules.loadRulesPage(scope, { afterId, limit: pageSize })
    for (const rule of page.rules) all.set(rule.id, rule)
    if (page.isLast) return all
    afterId = page.rules.at(-1)?.id ?? null
  }
}

/** Applies what changed since a version, as a worker does; gives the version that the rules then are at. */
async function follow(held: Map<string, DispatcherRule>, since: string, pageSize: number): Promise<string> {
  let cursor: { sinceVersion: string; afterId: string | null } = { sinceVersion: since, afterId: null }
  for (;;) {
    const page = await rules.loadRuleChanges(scope, { ...cursor, limit: pageSize })
    for (const { id, rule } of page.changes) {
      if (rule === null) held.delete(id)
      else held.set(id, rule)
    }
    if (page.next === null) return page.version
    cursor = page.next
  }
}

describe('the version of a set', () => {
  test('is stamped on the very rows that a transaction changed, and their number follows', async () => {
    const untouched = await create()
    const { endpointId, dispatcherId } = await createTestWebhook(database, scope)
    expect(await readStamped()).toEqual([dispatcherId])
    const second = await create({ dispatchable: { type: 'WEBHOOK', id: endpointId }, dispatchableId: 'second' })
    expect(await readStamped()).toEqual([second])
    await dispatchers.updateDispatcher(scope, untouched, { enabled: false })
    expect(await readStamped()).toEqual([untouched])
    await endpoints.updateEndpoint(scope, endpointId, { settings: {}, subscription: { eventNames: ['x'] } })
    expect(await readStamped()).toEqual([dispatcherId])
    const before = await readSet()
    await endpoints.updateEndpoint(scope, endpointId, { settings: { enabled: false }, subscription: {} })
    expect(await readSet()).toEqual(before)
    expect(before).toMatchObject({ version: 5, live: 3 })
    await endpoints.deleteEndpoint(scope, endpointId)
    expect(await readStamped()).toEqual([dispatcherId, second].toSorted())
    expect(await readSet()).toMatchObject({ version: 6, live: 1 })
    await dispatchers.deleteDispatcher(scope, untouched)
    expect(await readStamped()).toEqual([untouched])
    expect(await readSet()).toMatchObject({ version: 7, live: 0 })
  })

  test('is stamped on the dispatchers that end with their account, in several pages of one version', async () => {
    await createAccountStore(database.prisma).createAccount(scope, { identifier: 'acme', metadata: {} })
    const account = { identifier: 'acme', createIfMissing: false }
    const bound: string[] = []
    for (let n = 0; n < 5; n++) bound.push(await create({ account }))
    const kept = await create()
    const held = await loadAll()
    const { version } = await readSet()
    await createAccountStore(database.prisma).deleteAccount(scope, 'acme')
    expect(await readStamped()).toEqual(bound.toSorted())
    expect(await follow(held, String(version), 2)).toBe(String(version + 1))
    expect([...held.keys()]).toEqual([kept])
  })

  test('leaves the time of a change as it was answered', async () => {
    const made = await dispatchers.createDispatcher(scope, describeDispatcher())
    if (!made.ok) throw new Error(made.code)
    expect(await dispatchers.findDispatcher(scope, made.dispatcher.id)).toEqual(made.dispatcher)
    const changed = await dispatchers.updateDispatcher(scope, made.dispatcher.id, { source: 'bank' })
    if (!changed.ok) throw new Error(changed.code)
    expect(changed.dispatcher.updatedAt.getTime()).toBeGreaterThanOrEqual(made.dispatcher.updatedAt.getTime())
    expect(await dispatchers.findDispatcher(scope, made.dispatcher.id)).toEqual(changed.dispatcher)
  })

  test('followed while ten write never hides a row that was written before it', async () => {
    let isWriting = true
    const write = async (seed: number) => {
      for (let n = 0; n < 12; n++) {
        const id = await create()
        if ((seed + n) % 3 === 0) await dispatchers.updateDispatcher(scope, id, { source: `changed ${n}` })
        if ((seed + n) % 4 === 0) await dispatchers.deleteDispatcher(scope, id)
        if ((seed + n) % 5 === 0) await dispatchers.updateDispatcher(scope, id, { manual: true })
      }
    }
    const held = new Map<string, DispatcherRule>()
    let version = '0'
    let polls = 0
    const read = async () => {
      while (isWriting) {
        version = await follow(held, version, 3)
        polls += 1
      }
    }
    const reading = read()
    await Promise.all(Array.from({ length: 10 }, (_, seed) => write(seed)))
    isWriting = false
    await reading
    await follow(held, version, 3)
    expect(polls).toBeGreaterThan(5)
    expect(held.size).toBeGreaterThan(50)
    expect(new Map([...held].toSorted())).toEqual(await loadAll())
    expect((await readSet()).live).toBe(await countLive())
  })
})

describe('pages of rules', () => {
  test('have what is matched by itself, each once, in the order of ids', async () => {
    const plain = await create({ payloadFilter: { a: [1] }, contextFilter: { b: [2] } })
    const pattern = await create({ payloadFilter: { detail: { a: [1] } }, filterLanguage: 'eventbridge' })
    await create({ enabled: false })
    await create({ manual: true })
    await dispatchers.deleteDispatcher(scope, await create())
    const once = await createTestEphemeral(database, scope, { url: URL_OF_NOBODY, eventNames: ['x'] })
    const gone = await createTestEphemeral(database, scope, { url: `${URL_OF_NOBODY}gone`, eventNames: ['x'] })
    await database.pool.query(`update event_dispatchers set expires_at = now() where id = $1`, [gone])
    await createTestWebhook(database, other)
    for (const size of [1, 2, 3, 50]) {
      const found = await loadAll(size)
      expect([...found.keys()]).toEqual([plain, pattern, once])
      expect(found.get(plain)).toMatchObject({
        filterLanguage: 'signalbox',
        payloadFilter: { a: [1] },
        contextFilter: { b: [2] },
        once: false,
      })
      expect(found.get(pattern)).toMatchObject({ filterLanguage: 'eventbridge' })
      expect(found.get(once)).toMatchObject({ once: true, expiresAt: expect.any(Date) })
    }
    expect((await rules.loadRulesPage(scope, { afterId: null, limit: 1 })).version).toBe(
      String((await readSet()).version),
    )
  })

  test('of an environment without dispatchers are one, at version 0', async () => {
    const page = { afterId: null, limit: 10 }
    expect(await rules.loadRulesPage(scope, page)).toEqual({ version: '0', rules: [], isLast: true })
    expect(await rules.loadRuleChanges(scope, { ...page, sinceVersion: '0' })).toEqual({
      version: '0',
      prunedVersion: '0',
      changes: [],
      next: null,
    })
  })

  test('and then the changes since the first of them are the rules, whatever changed between two pages', async () => {
    const ids: string[] = []
    for (let n = 0; n < 9; n++) ids.push(await create())
    const held = new Map<string, DispatcherRule>()
    const put = (found: DispatcherRule[]) => found.forEach((rule) => held.set(rule.id, rule))
    const first = await rules.loadRulesPage(scope, { afterId: null, limit: 3 })
    put(first.rules)
    await dispatchers.deleteDispatcher(scope, ids[0] as string)
    await dispatchers.updateDispatcher(scope, ids[1] as string, { source: 'bank' })
    const second = await rules.loadRulesPage(scope, { afterId: ids[2] as string, limit: 3 })
    put(second.rules)
    await dispatchers.deleteDispatcher(scope, ids[8] as string)
    await dispatchers.updateDispatcher(scope, ids[4] as string, { enabled: false })
    await create()
    const third = await rules.loadRulesPage(scope, { afterId: ids[5] as string, limit: 3 })
    put(third.rules)
    await dispatchers.updateDispatcher(scope, ids[7] as string, { source: 'bank' })
    expect(Number(third.version)).toBe(Number(first.version) + 5)
    const truth = await loadAll()
    expect(held).not.toEqual(truth)
    await follow(held, first.version, 2)
    expect(new Map([...held].toSorted())).toEqual(truth)
  })

  test('end before filters fill more than some megabytes', async () => {
    const template = await create()
    await database.pool.query(
      `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
         dispatchable_id, dispatchable, payload_filter, set_version)
       select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, n::text,
         dispatchable, jsonb_build_object('a', (select jsonb_agg(md5(n || ' ' || m)) from generate_series(1, 1700) m)), 1
       from event_dispatchers, generate_series(1, 150) n where id = $1`,
      [template],
    )
    const page = await rules.loadRulesPage(scope, { afterId: null, limit: 1_000 })
    expect(page.isLast).toBe(false)
    expect(page.rules.length).toBeGreaterThan(50)
    expect(page.rules.length).toBeLessThan(150)
    const changes = await rules.loadRuleChanges(scope, { sinceVersion: '0', afterId: null, limit: 1_000 })
    expect(changes.changes.length).toBeLessThan(150)
    const all = await loadAll()
    expect(all.size).toBe(151)
    const held = new Map<string, DispatcherRule>()
    await follow(held, '0', 1_000)
    expect(new Map([...held].toSorted())).toEqual(all)
  })
})

describe('what was pruned', () => {
  test('is missed by those alone who follow from before its removal', async () => {
    const first = await create()
    const beforeRemoval = (await readSet()).version
    await dispatchers.deleteDispatcher(scope, first)
    const afterRemoval = (await readSet()).version
    await create()
    await database.pool.query(`update event_dispatchers set deleted_at = now() - interval '99 days' where id = $1`, [
      first,
    ])
    expect(await createPruneStore(database).pruneDispatchers(100)).toMatchObject({ removed: 1 })
    const page = { afterId: null, limit: 10 }
    const read = async (since: number) => rules.loadRuleChanges(scope, { ...page, sinceVersion: String(since) })
    expect(Number((await read(beforeRemoval)).prunedVersion)).toBeGreaterThan(beforeRemoval)
    expect(Number((await read(afterRemoval)).prunedVersion)).toBe(afterRemoval)
    expect((await readSet()).live).toBe(1)
  })

  test('counts no more, also when it ended by itself and nobody needed its place', async () => {
    await create()
    const once = await createTestEphemeral(database, scope, { url: URL_OF_NOBODY, eventNames: ['x'] })
    await database.pool.query(
      `update event_dispatchers set deleted_at = now() - interval '99 days', enabled = false where id = $1`,
      [once],
    )
    expect((await readSet()).live).toBe(2)
    await createPruneStore(database).pruneDispatchers(100)
    expect((await readSet()).live).toBe(1)
  })
})

describe('the limit of dispatchers', () => {
  test('is kept to the one by any number that are made at one time', async () => {
    await create()
    await limit({ dispatchersMax: 4 })
    const made = await Promise.all(
      Array.from({ length: 10 }, () => dispatchers.createDispatcher(scope, describeDispatcher())),
    )
    expect(made.filter((outcome) => outcome.ok)).toHaveLength(3)
    expect(made.filter((outcome) => !outcome.ok && outcome.code === 'limit_exceeded')).toHaveLength(7)
    expect(await readSet()).toMatchObject({ live: 4, version: 4 })
    expect(await countLive()).toBe(4)
  })

  test('has room again after a dispatcher was deleted, used up or ran out', async () => {
    await limit({ dispatchersMax: 3 })
    const lasting = await create()
    const used = await createTestEphemeral(database, scope, { url: `${URL_OF_NOBODY}1`, eventNames: ['x'] })
    const ranOut = await createTestEphemeral(database, scope, { url: `${URL_OF_NOBODY}2`, eventNames: ['x'] })
    const tryOne = async () => (await dispatchers.createDispatcher(scope, describeDispatcher())).ok
    expect(await tryOne()).toBe(false)
    await database.pool.query(`update event_dispatchers set deleted_at = now(), enabled = false where id = $1`, [used])
    expect([await tryOne(), await tryOne()]).toEqual([true, false])
    await database.pool.query(`update event_dispatchers set expires_at = now() where id = $1`, [ranOut])
    expect([await tryOne(), await tryOne()]).toEqual([true, false])
    await dispatchers.deleteDispatcher(scope, lasting)
    expect([await tryOne(), await tryOne()]).toEqual([true, false])
    expect((await readSet()).live).toBe(3)
    expect(await countLive()).toBe(3)
  })

  test('counts no environment’s dispatchers for another', async () => {
    await createTestWebhook(database, other)
    await limit({ dispatchersMax: 1 })
    await create()
    expect(await dispatchers.createDispatcher(scope, describeDispatcher())).toEqual({
      ok: false,
      code: 'limit_exceeded',
    })
    await createTestWebhook(database, other)
  })
})

describe('rules that ended by themselves', () => {
  test('are named from a time on, the first first, and none that was deleted', async () => {
    const ids: string[] = []
    for (let n = 0; n < 4; n++) {
      ids.push(await createTestEphemeral(database, scope, { url: `${URL_OF_NOBODY}${n}`, eventNames: ['x'] }))
    }
    const deleted = await create()
    await dispatchers.deleteDispatcher(scope, deleted)
    for (const [n, seconds] of [30, 20, 10].entries()) {
      await database.pool.query(
        `update event_dispatchers set deleted_at = now() - make_interval(secs => $2) where id = $1`,
        [ids[n], seconds],
      )
    }
    const since = new Date(Date.now() - 25_000)
    const ended = await rules.findEndedRules(scope, since, 10)
    expect(ended.map(({ id }) => id)).toEqual([ids[1], ids[2]])
    const [first] = await rules.findEndedRules(scope, since, 1)
    expect(first).toEqual(ended[0])
    // Where one page ended, the next goes on.
    expect(await rules.findEndedRules(scope, ended[1]?.endedAt ?? since, 10)).toEqual([ended[1]])
    expect(await rules.findEndedRules(other, since, 10)).toEqual([])
  })
})
