import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  type AttemptReading,
  createId,
  firstIdAt,
  type NewEvent,
  type NextStep,
  type TenantScope,
} from '@signalbox/domain'
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
  createDispatcherStore,
  createDispatchStore,
  createEndpointStore,
  createPruneStore,
  createSecretBox,
  type Database,
} from '../src/index.js'
import { oweDelivery, type OwedDelivery } from './owe-delivery.js'

let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let store: ReturnType<typeof createPruneStore>
let dispatcherId: string
const secretBox = createSecretBox(TEST_MASTER_KEYS)

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 6 })
  tenants = await seedTwoTenants(testDatabase)
})

beforeEach(async () => {
  store = createPruneStore(database)
  dispatcherId = (await createTestWebhook(database, scope())).dispatcherId
})

afterEach(async () => {
  await database.pool.query(
    'truncate event_outbox, delivery_outbox, event_records, event_dispatchers, webhook_endpoints cascade',
  )
  await database.pool.query('update runtime_environments set retention_days = 30')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

const DAY_MS = 86_400_000
const MANY = 1_000

function scope(tenant: 'a' | 'b' = 'a', environment: 'production' | 'development' = 'production'): TenantScope {
  return { organizationId: tenants[tenant].organizationId, environmentId: tenants[tenant][environment].id }
}

/** The id of something made so many days ago. */
function idOf(days: number): string {
  return firstIdAt(new Date(Date.now() - days * DAY_MS)).slice(0, 18) + createId().slice(18)
}

const old = (days: number): Partial<NewEvent> => ({ id: idOf(days) })

async function accept(more: Partial<NewEvent>, to: TenantScope = scope()): Promise<void> {
  const event = { ...to, event: makeEvent(more), externalAccountId: null, accountIdentifier: null }
  await createAcceptStore(database).acceptGroup([event], false)
}

/** So many events that were made long ago and have ended. */
async function acceptOld(count: number, to: TenantScope = scope()): Promise<void> {
  for (let n = 0; n < count; n++) await accept(old(400), to)
  await database.pool.query('truncate event_outbox')
}

function owe(more: Partial<NewEvent> = {}): Promise<OwedDelivery> {
  return oweDelivery(database, { ...scope(), dispatcherId }, more)
}

async function finish(owed: OwedDelivery): Promise<void> {
  const dispatch = createDispatchStore(database, secretBox)
  const attempt = async (attemptCount: number, reading: AttemptReading, step: NextStep): Promise<void> => {
    const [delivery] = await dispatch.claimDeliveries([{ ...owed, attemptCount }], 60_000)
    if (delivery === undefined) throw new Error('not claimed')
    await dispatch.recordAttempts([{ delivery, startedAt: new Date(), reading, step }])
  }
  await attempt(0, { outcome: 'failed', durationMs: 1 }, { kind: 'retry', delayMs: 0 })
  await attempt(1, { outcome: 'succeeded', durationMs: 1 }, { kind: 'complete' })
}

async function count(table: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(`select count(*)::int as count from ${table}`)
  return rows[0]?.count ?? -1
}

const countOf = ({ environmentId }: TenantScope): Promise<number> =>
  count(`event_records where environment_id = '${environmentId}'`)

describe('pruning events', () => {
  test('removes ended ones past the retention of their environment, with deliveries and attempts', async () => {
    await finish(await owe(old(31)))
    const kept = await owe(old(29))
    await finish(kept)
    expect(await store.pruneEvents(MANY)).toEqual({ removed: 1, isMore: false })
    expect([await count('event_records'), await count('deliveries'), await count('all_delivery_attempts')]).toEqual([
      1, 1, 2,
    ])
    expect(await count('delivery_attempts')).toBe(1)
    expect(await count(`event_records where id = '${kept.eventRecordId}'`)).toBe(1)
  })

  test('never removes one that is still to be delivered, or has a delivery that has not ended', async () => {
    await accept(old(400))
    await accept({ ...old(400), deliverAt: new Date(Date.now() + DAY_MS) })
    await owe(old(400))
    await createDispatchStore(database, secretBox).claimDeliveries([await owe(old(400))], 60_000)
    expect(await store.pruneEvents(MANY)).toEqual({ removed: 0, isMore: false })
    expect([await count('event_records'), await count('deliveries')]).toEqual([4, 2])
  })

  test('keeps each environment’s own retention', async () => {
    await database.pool.query('update runtime_environments set retention_days = 5 where id = $1', [
      scope('b').environmentId,
    ])
    await accept(old(6))
    await accept(old(6), scope('b'))
    await accept(old(4), scope('b'))
    await database.pool.query('truncate event_outbox')
    expect(await store.pruneEvents(MANY)).toEqual({ removed: 1, isMore: false })
    expect(await countOf(scope('b'))).toBe(1)
  })

  test('one environment with much to remove keeps no other waiting', async () => {
    const environments = [scope('a'), scope('a', 'development'), scope('b'), scope('b', 'development')]
    for (const one of environments) await acceptOld(1, one)
    const [first] = environments.toSorted((x, y) =>
      x.organizationId + x.environmentId < y.organizationId + y.environmentId ? -1 : 1,
    )
    await acceptOld(29, first)
    expect(await store.pruneEvents(5)).toEqual({ removed: 5, isMore: true })
    expect(await store.pruneEvents(5)).toEqual({ removed: 3, isMore: true })
    for (const one of environments) expect(await countOf(one)).toBe(one === first ? 25 : 0)
  })

  test('says that there is more until everything is gone, in small batches', async () => {
    await acceptOld(7)
    let removed = 0
    for (let batch = 0; ; batch++) {
      expect(batch).toBeLessThan(10)
      const outcome = await store.pruneEvents(3)
      expect(outcome.removed).toBeLessThanOrEqual(3)
      removed += outcome.removed
      if (!outcome.isMore) break
    }
    expect(removed).toBe(7)
  })

  test('an environment whose turn fails does not keep the others waiting', async () => {
    const environments = [scope('a'), scope('b')].toSorted((x, y) => (x.organizationId < y.organizationId ? -1 : 1))
    for (const one of environments) await acceptOld(2, one)
    await database.pool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin
        if old.organization_id = '${environments[0]?.organizationId}' then raise 'refused'; end if;
        return old; end $$;
      create trigger refuse before delete on event_records for each row execute function refuse()`)
    try {
      await expect(store.pruneEvents(MANY)).rejects.toThrow('refused')
      expect(await store.pruneEvents(MANY)).toMatchObject({ removed: 2 })
    } finally {
      await database.pool.query('drop trigger refuse on event_records; drop function refuse')
    }
  })

  test('events with very many deliveries go a few at a time', async () => {
    await acceptOld(6)
    await database.pool.query('update event_records set matched_count = 2000')
    expect(await store.pruneEvents(MANY)).toEqual({ removed: 2, isMore: true })
    await database.pool.query('update event_records set matched_count = 9000')
    expect(await store.pruneEvents(MANY)).toEqual({ removed: 1, isMore: true })
  })
})

describe('pruning dispatchers and endpoints', () => {
  /** As if everything that is deleted had been deleted so many days ago. */
  async function ageDeleted(days: number): Promise<void> {
    for (const table of ['event_dispatchers', 'webhook_endpoints']) {
      await database.pool.query(
        `update ${table} set deleted_at = now() - make_interval(days => $1)
        where deleted_at is not null`,
        [days],
      )
    }
  }

  const left = async (): Promise<number[]> => [await count('event_dispatchers'), await count('webhook_endpoints')]

  test('ends ephemeral dispatchers that ran out', async () => {
    const ids = await Promise.all(
      [1, 2, 3].map((n) =>
        createTestEphemeral(database, scope(), { eventNames: ['*'], url: `http://127.0.0.1:9/${n}` }),
      ),
    )
    await database.pool.query(`update event_dispatchers set expires_at = now() where id = any($1)`, [ids.slice(0, 2)])
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 2, isMore: false })
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 0, isMore: false })
    expect(await count('event_dispatchers where deleted_at is null')).toBe(2)
  })

  test('removes those that were deleted longer ago than the retention, and no live ones', async () => {
    const { endpointId } = await createTestWebhook(database, scope())
    await createEndpointStore(database.prisma, secretBox).deleteEndpoint(scope(), endpointId)
    await ageDeleted(29)
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 0, isMore: false })
    await ageDeleted(31)
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 2, isMore: false })
    expect(await left()).toEqual([1, 1])
  })

  test('keeps those to which a delivery may refer', async () => {
    const owed = await owe()
    await finish(owed)
    await database.pool.query('update deliveries set id = $1', [idOf(40)])
    await createDispatcherStore(database.prisma, secretBox).deleteDispatcher(scope(), dispatcherId)
    await ageDeleted(35)
    // Its delivery is older than its end: the trail is still read.
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 0, isMore: false })
    await database.pool.query('truncate event_records cascade')
    expect(await store.pruneDispatchers(MANY)).toEqual({ removed: 1, isMore: false })
  })

  test('works in small batches', async () => {
    for (let n = 0; n < 5; n++) {
      const { endpointId } = await createTestWebhook(database, scope())
      await createEndpointStore(database.prisma, secretBox).deleteEndpoint(scope(), endpointId)
    }
    await ageDeleted(99)
    expect(await store.pruneDispatchers(3)).toEqual({ removed: 6, isMore: true })
    for (let batch = 0; (await store.pruneDispatchers(3)).isMore; batch++) expect(batch).toBeLessThan(5)
    expect(await left()).toEqual([1, 1])
  })

  test('an environment goes away with all that it has', async () => {
    const one = { ...scope(), environmentId: createId() }
    await database.pool.query(
      `insert into runtime_environments (organization_id, id, project_id, type, slug)
       select organization_id, $2, project_id, type, 'short-lived' from runtime_environments where id = $1`,
      [scope().environmentId, one.environmentId],
    )
    const { dispatcherId: to } = await createTestWebhook(database, one)
    await finish(await oweDelivery(database, { ...one, dispatcherId: to }))
    const has = async (): Promise<number[]> =>
      Promise.all(
        ['event_records', 'deliveries', 'event_dispatchers', 'webhook_endpoints'].map((table) =>
          count(`${table} where environment_id = '${one.environmentId}'`),
        ),
      )
    expect(await has()).toEqual([1, 1, 1, 1])
    await database.pool.query('delete from runtime_environments where id = $1', [one.environmentId])
    expect([...(await has()), await count('delivery_attempts')]).toEqual([0, 0, 0, 0, 0])
  })
})

test('removes idempotency keys that ran out, in batches', async () => {
  const insert = `insert into idempotency_keys (organization_id, environment_id, key_hash, request_hash, expires_at)
    select $1, $2, decode(lpad(to_hex(n), 64, '0'), 'hex'), 'x', now() + (n - 5) * interval '1 minute' from generate_series(1, 9) n`
  await database.pool.query(insert, [scope().organizationId, scope().environmentId])
  expect(await store.pruneIdempotencyKeys(3)).toEqual({ removed: 3, isMore: true })
  expect(await store.pruneIdempotencyKeys(3)).toEqual({ removed: 2, isMore: false })
  expect(await count('idempotency_keys')).toBe(4)
})

test('removes outbox rows whose event or delivery is gone, and no others', async () => {
  const event = makeEvent()
  await createAcceptStore(database).acceptGroup(
    [{ ...scope(), event, externalAccountId: null, accountIdentifier: null }],
    false,
  )
  const owed = await owe()
  await accept({})
  await owe()
  await database.pool.query('delete from event_records where id = any($1)', [[event.id, owed.eventRecordId]])
  expect([await count('event_outbox'), await count('delivery_outbox')]).toEqual([2, 2])
  expect(await store.pruneOrphans(MANY)).toEqual({ removed: 2, isMore: false })
  expect([await count('event_outbox'), await count('delivery_outbox')]).toEqual([1, 1])
  expect(await store.pruneOrphans(MANY)).toEqual({ removed: 0, isMore: false })
})
