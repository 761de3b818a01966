import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createAcceptStore, createDatabase, type Database } from '@signalbox/db'
import { type Environment, type EventRef, type NewEvent, SignalboxError } from '@signalbox/domain'
import { type AcceptRequest, createAcceptEvents } from '@signalbox/pipeline'
import {
  createTestDatabase,
  makeEvent,
  pollUntil,
  seedTwoTenants,
  type TestDatabase,
  toEnvironment,
  type TwoTenants,
} from '@signalbox/testkit'

// The use case on the real store; only what is announced is caught, to be looked at.
let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let announced: EventRef[] = []
let groups: { events: number; requests: number }[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 8 })
  tenants = await seedTwoTenants(testDatabase)
})

beforeEach(() => {
  announced = []
  groups = []
})

afterEach(async () => {
  await database.pool.query('truncate event_outbox, event_records, idempotency_keys, external_accounts cascade')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

type Store = ReturnType<typeof createAcceptStore>

function create(options: { store?: Partial<Store>; publish?: (refs: EventRef[]) => Promise<void> } = {}) {
  const store = { ...createAcceptStore(database), ...options.store }
  let failures = 0
  const { accept, drain } = createAcceptEvents({
    store,
    accounts: store,
    queue: { publishDeliver: options.publish ?? (async (refs) => void announced.push(...refs)) },
    onAccepted: ({ events, requests }) => void groups.push({ events, requests }),
    onPublishFailed: () => void (failures += 1),
  })
  return { accept, drain, countFailures: () => failures }
}

function request(events: Partial<NewEvent>[], environment: Partial<Environment> = {}): AcceptRequest {
  return {
    environment: toEnvironment(tenants.a, environment),
    events: events.map((event) => makeEvent(event)),
    bytes: 100,
  }
}

async function readIds(): Promise<string[]> {
  const { rows } = await database.pool.query<{ event_id: string }>(
    'select event_id from event_records order by event_id',
  )
  return rows.map((row) => row.event_id)
}

const BAD = { payload: { text: 'no \0 in jsonb' } }

describe('accepting', () => {
  test('commits concurrent requests together, answers each with its own and announces what is due', async () => {
    const { accept, drain } = create()
    const requests = Array.from({ length: 50 }, (_, n) => request([{ eventId: `e${n}` }]))
    const later = request([{ eventId: 'later', deliverAt: new Date(Date.now() + 60_000) }])
    const outcomes = await Promise.all([...requests, later].map(accept))
    const ids = outcomes.map((outcome) =>
      outcome.ok && 'events' in outcome ? outcome.events.map((event) => event.eventId) : [],
    )
    expect(ids).toEqual([...requests.map((_, n) => [`e${n}`]), ['later']])
    expect(groups.length).toBeLessThan(10)
    await drain()
    expect(announced).toHaveLength(50)
  })

  test('one request with data that Postgres refuses fails alone', async () => {
    const { accept } = create()
    const requests = [
      request([{ eventId: 'a' }]),
      request([{ eventId: 'bad', ...BAD }]),
      request([{ eventId: 'b' }, { eventId: 'c' }]),
    ]
    const outcomes = await Promise.allSettled(requests.map(accept))
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await readIds()).toEqual(['a', 'b', 'c'])
  })

  test('a request with one bad event stores none of its events', async () => {
    const { accept } = create()
    const bulk = request([{ eventId: 'x' }, { eventId: 'bad', ...BAD }, { eventId: 'y' }])
    const outcomes = await Promise.allSettled([accept(bulk), accept(request([{ eventId: 'other' }]))])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled'])
    expect(await readIds()).toEqual(['other'])
  })

  test('the same id in concurrent requests is one event, by the rules for ids sent again', async () => {
    const { accept } = create()
    const deliverAt = new Date(Date.now() + 60_000)
    const send = (payload: number) => accept(request([{ eventId: 'same', deliverAt, payload: { payload } }]))
    const outcomes = await Promise.all([send(1), send(2), send(3)])
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true)
    expect(await readIds()).toEqual(['same'])
  })

  test('when storage fails in the middle, nobody waits for one try after another', async () => {
    let calls = 0
    const { accept } = create({
      store: {
        acceptGroup: async () => {
          calls += 1
          if (calls === 1) throw new Error('one bad row')
          throw new SignalboxError('storage_unavailable', 'away')
        },
      },
    })
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => accept(request([{}]))))
    expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true)
    expect(calls).toBeLessThan(10)
  })
})

describe('announcing', () => {
  test('nobody waits for it, and its failure is no one’s', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { accept, drain, countFailures } = create({
      publish: () => held.then(() => Promise.reject(new Error('Redis is away'))),
    })
    expect(await accept(request([{ eventId: 'a' }]))).toMatchObject({ ok: true })
    expect(await accept(request([{ eventId: 'b' }]))).toMatchObject({ ok: true })
    release()
    await drain()
    expect(countFailures()).toBe(2)
    expect(await readIds()).toEqual(['a', 'b'])
  })

  test('one announcement holds what was stored while the one before was under way', async () => {
    const sizes: number[] = []
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { accept, drain } = create({
      publish: async (refs) => {
        sizes.push(refs.length)
        if (sizes.length === 1) await held
      },
    })
    await accept(request([{}]))
    await pollUntil(() => sizes.length === 1, { what: 'the first announcement' })
    for (let n = 0; n < 5; n++) await accept(request([{}]))
    release()
    await drain()
    expect(sizes).toEqual([1, 5])
  })
})

describe('accounts that are unknown', () => {
  const wish = [{ eventId: 'x', accountId: 'user' }]

  test('ignored: the event is stored without one, and says so', async () => {
    await create().accept(request(wish, { unknownAccounts: 'ignore' }))
    const { rows } = await database.pool.query('select external_account_id, source_context from event_records')
    expect(rows).toEqual([{ external_account_id: null, source_context: { unknownAccountId: 'user' } }])
  })

  test('created: once, however many events name it at the same moment', async () => {
    const { accept } = create()
    await Promise.all(
      Array.from({ length: 20 }, () => accept(request([{ accountId: 'user' }], { unknownAccounts: 'create' }))),
    )
    const { rows } = await database.pool.query(
      'select count(distinct external_account_id)::int as seen, (select count(*)::int from external_accounts) as made from event_records',
    )
    expect(rows).toEqual([{ seen: 1, made: 1 }])
  })

  test('rejected: that request stores nothing and says which event; others in the group fare well', async () => {
    const { accept } = create()
    const outcomes = await Promise.all([
      accept(request([{ eventId: 'fine' }])),
      accept(request([{ eventId: 'ok' }, { eventId: 'x', accountId: 'user' }], { unknownAccounts: 'reject' })),
      accept(request([{ eventId: 'too' }])),
    ])
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, code: 'unknown_account', index: 1 }, { ok: true }])
    expect(await readIds()).toEqual(['fine', 'too'])
  })

  test('known: the event is theirs', async () => {
    const { accept } = create()
    await accept(request([{ accountId: 'user' }], { unknownAccounts: 'create' }))
    await accept(request([{ accountId: 'user' }], { unknownAccounts: 'reject' }))
    const { rows } = await database.pool.query(
      'select distinct account_identifier from event_records where external_account_id is not null',
    )
    expect(rows).toEqual([{ account_identifier: 'user' }])
  })
})

describe('an idempotency key', () => {
  test('gives the first answer to everyone who sends the same at the same moment', async () => {
    const { accept } = create()
    const idempotency = {
      keyHash: Buffer.alloc(32, 1),
      requestHash: Buffer.alloc(32, 2),
      buildAnswer: (events: { eventId: string }[]) => ({
        status: 200,
        body: events.map((event) => event.eventId).join(),
      }),
    }
    const send = (eventId: string, requestHash = idempotency.requestHash) =>
      accept({ ...request([{ eventId }]), idempotency: { ...idempotency, requestHash } })
    const outcomes = await Promise.all(['a', 'b', 'c'].map((eventId) => send(eventId)))
    const [stored] = await readIds()
    expect(await readIds()).toHaveLength(1)
    const replays = outcomes.filter((outcome) => 'replayed' in outcome)
    expect(replays).toEqual([1, 2].map(() => ({ ok: true, replayed: { status: 200, body: stored } })))
    expect(await send('d', Buffer.alloc(32, 3))).toEqual({ ok: false, code: 'idempotency_conflict' })
  })
})
