import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createId, type TenantScope } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  makeEvent,
  pollUntil,
  seedTwoTenants,
  TEST_MASTER_KEYS,
  type TestDatabase,
} from '@signalbox/testkit'
import {
  asStorageError,
  createAcceptStore,
  createAccountStore,
  createDatabase,
  createDeliverStore,
  createEndpointStore,
  createSecretBox,
  type Database,
} from '../src/index.js'
import { isStorageUnavailable } from '../src/is-storage-unavailable.js'
import { runInTransaction } from '../src/run-in-transaction.js'
import { runOutcome } from '../src/run-outcome.js'

let testDatabase: TestDatabase
let database: Database
/** Two tenants, the one with the lower id first. */
let scopes: [TenantScope, TenantScope]

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 6 })
  const { a, b } = await seedTwoTenants(testDatabase)
  const made = [a, b].map(({ organizationId, production }) => ({ organizationId, environmentId: production.id }))
  scopes = made.toSorted((one, other) => (one.organizationId < other.organizationId ? -1 : 1)) as typeof scopes
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

async function accept(scope: TenantScope): Promise<string> {
  const event = { ...scope, event: makeEvent(), externalAccountId: null, accountIdentifier: null }
  const [stored] = await createAcceptStore(database).acceptGroup([event], false)
  if (stored === undefined) throw new Error('not stored')
  return stored.ref.eventRecordId
}

function decide(scope: TenantScope, eventRecordId: string, dispatchers: { id: string; once: boolean }[]) {
  const deliveries = dispatchers.map(({ id, once }) => ({ id: createId(), eventRecordId, dispatcherId: id, once }))
  return { ...scope, eventRecordId, deliveries, fanoutLimited: 0, failure: null }
}

/**
 * Holds the row that comes first in the order of locks while a step runs, and takes the one that comes after it as soon as
 * the step waits: who goes by the order holds nothing then.
 */
async function takeWhileWaiting<Result>(
  { first, second }: { first: string; second: string },
  step: () => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect()
  try {
    await client.query('begin')
    await client.query(`${first} for update`)
    const running = step()
    const isWaiting = async (): Promise<boolean> => {
      const { rows } = await client.query('select from pg_locks where not granted')
      return rows.length > 0
    }
    await pollUntil(isWaiting, { what: 'the step waits for the first row' })
    const taken = await client.query(`${second} for update nowait`).catch((error: unknown) => error)
    await client.query('rollback')
    const result = await running
    expect(taken).toMatchObject({ rowCount: 1 })
    return result
  } finally {
    client.release()
  }
}

/** Two dispatchers like a third, in its place; the one with the lower id was made last. */
async function addTwo(scope: TenantScope, likeId: string): Promise<{ first: string; second: string }> {
  const [first, second] = [createId(), createId()]
  for (const id of [second, first]) {
    await database.pool.query(
      `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
         dispatchable_id, dispatchable, external_account_id)
       select organization_id, environment_id, $2::uuid, event_names, source, dispatchable_type, $2::uuid::text, dispatchable,
         external_account_id from event_dispatchers where organization_id = $3 and id = $1`,
      [likeId, id, scope.organizationId],
    )
  }
  await database.pool.query('delete from event_dispatchers where id = $1', [likeId])
  return { first, second }
}

const ofDispatcher = (id: string): string => `select from event_dispatchers where id = '${id}'`

const ofOutbox = (id: string): string => `select from event_outbox where event_record_id = '${id}'`

describe('rows are locked in one order', () => {
  test('outbox rows of several organizations: by organization, then by event', async () => {
    const [low, high] = scopes
    // The ids of events go up with time, so they go against those of the organizations here.
    const [second, first] = [await accept(high), await accept(low)]
    const decisions = [decide(high, second, []), decide(low, first, [])]
    const locks = { first: ofOutbox(first), second: ofOutbox(second) }
    const store = createDeliverStore(database)
    await takeWhileWaiting(locks, () => store.writeDeliveries(decisions))
    expect(await store.loadUndelivered(decisions)).toEqual([])
  })

  test('outbox rows of a group in which some event is for a dispatcher that takes one', async () => {
    const [scope] = scopes
    const { dispatcherId } = await createTestWebhook(database, scope)
    const once = await createTestEphemeral(database, scope, { url: 'http://127.0.0.1:9/order', eventNames: ['*'] })
    const [first, second] = [await accept(scope), await accept(scope)]
    const decisions = [
      decide(scope, first, [{ id: dispatcherId, once: false }]),
      decide(scope, second, [{ id: once, once: true }]),
    ]
    const locks = { first: ofOutbox(first), second: ofOutbox(second) }
    const store = createDeliverStore(database)
    expect(await takeWhileWaiting(locks, () => store.writeDeliveries(decisions))).toHaveLength(2)
  })

  test('dispatchers of an account and of an endpoint that are deleted: by their ids', async () => {
    const [scope] = scopes
    const account = { identifier: 'locked', createIfMissing: true }
    const bound = await addTwo(scope, (await createTestWebhook(database, scope, { account })).dispatcherId)
    const ofAccount = { first: ofDispatcher(bound.first), second: ofDispatcher(bound.second) }
    const accounts = createAccountStore(database.prisma)
    expect(await takeWhileWaiting(ofAccount, () => accounts.deleteAccount(scope, 'locked'))).toBe(true)
    const { endpointId, dispatcherId } = await createTestWebhook(database, scope)
    const sending = await addTwo(scope, dispatcherId)
    const ofEndpoint = { first: ofDispatcher(sending.first), second: ofDispatcher(sending.second) }
    const endpoints = createEndpointStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))
    expect(await takeWhileWaiting(ofEndpoint, () => endpoints.deleteEndpoint(scope, endpointId))).toBe(true)
  })
})

describe('two transactions that wait for each other', () => {
  const lock = (scope: TenantScope): string =>
    `select from runtime_environments where id = '${scope.environmentId}' for update`

  /** Runs a step twice at the same time; each has locked the one environment when it asks for that of the other. */
  async function lockCrosswise<Result>(
    step: (query: { own: string; other: string; meet: () => Promise<void> }) => Promise<Result>,
  ): Promise<PromiseSettledResult<Result>[]> {
    let arrived = 0
    let open = (): void => undefined
    const both = new Promise<void>((resolve) => (open = resolve))
    const meet = async (): Promise<void> => {
      arrived += 1
      if (arrived === 2) open()
      await both
    }
    const [low, high] = scopes.map(lock) as [string, string]
    return Promise.allSettled([step({ own: low, other: high, meet }), step({ own: high, other: low, meet })])
  }

  test('both come through in the stores of the hot paths', async () => {
    const results = await lockCrosswise(({ own, other, meet }) =>
      asStorageError(() =>
        runInTransaction(database.pool, async (client) => {
          await client.query(own)
          await meet()
          return (await client.query(other)).rowCount
        }),
      ),
    )
    expect(results).toEqual([1, 1].map((value) => ({ status: 'fulfilled', value })))
  })

  test('both come through in the stores of the API', async () => {
    const results = await lockCrosswise(({ own, other, meet }) =>
      runOutcome(database.prisma, async (tx) => {
        await tx.$queryRawUnsafe(own)
        await meet()
        return { ok: (await tx.$queryRawUnsafe<object[]>(other)).length === 1 }
      }),
    )
    expect(results).toEqual([1, 1].map(() => ({ status: 'fulfilled', value: { ok: true } })))
  })

  test('one that is not ours to repeat says that storage can not serve now', async () => {
    const results = await lockCrosswise(({ own, other, meet }) =>
      runInTransaction(database.pool, async (client) => {
        await client.query(own)
        await meet()
        await client.query(other)
      }),
    )
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
    expect(failed).toMatchObject([{ code: '40P01' }])
    expect(isStorageUnavailable(failed[0])).toBe(true)
  })
})
