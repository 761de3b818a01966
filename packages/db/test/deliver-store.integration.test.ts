import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createId, type NewEvent } from '@signalbox/domain'
import {
  createTestDatabase,
  createTestEphemeral,
  createTestWebhook,
  makeEvent,
  seedTwoTenants,
  type TestDatabase,
  type TwoTenants,
} from '@signalbox/testkit'
import { createAcceptStore, createDatabase, createDeliverStore, createEventStore, type Database } from '../src/index.js'

let testDatabase: TestDatabase
let database: Database
let tenants: TwoTenants
let store: ReturnType<typeof createDeliverStore>
let dispatcherId: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({ url: testDatabase.databaseUrl, poolMax: 12 })
  tenants = await seedTwoTenants(testDatabase)
  store = createDeliverStore(database)
})

beforeEach(async () => {
  dispatcherId = (await createTestWebhook(database, scope())).dispatcherId
})

afterEach(async () => {
  await database.pool.query('truncate event_outbox, delivery_outbox, event_records cascade')
  await database.pool.query('delete from event_dispatchers')
})

afterAll(async () => {
  await database?.close()
  await testDatabase?.drop()
})

function scope(tenant: 'a' | 'b' = 'a') {
  return { organizationId: tenants[tenant].organizationId, environmentId: tenants[tenant].production.id }
}

async function accept(more: Partial<NewEvent> = {}) {
  const event = { ...scope(), event: makeEvent(more), externalAccountId: null, accountIdentifier: null }
  const [stored] = await createAcceptStore(database).acceptGroup([event], false)
  if (stored === undefined) throw new Error('not stored')
  return stored.ref
}

type Ref = Awaited<ReturnType<typeof accept>>

function decide(ref: Ref, dispatchers: { id: string; once?: boolean }[] = [{ id: dispatcherId }], failure?: string) {
  return {
    ...scope(),
    eventRecordId: ref.eventRecordId,
    deliveries: dispatchers.map(({ id, once = false }) => ({
      id: createId(),
      eventRecordId: ref.eventRecordId,
      dispatcherId: id,
      once,
    })),
    fanoutLimited: 0,
    failure: failure ?? null,
  }
}

async function readEvent(ref: Ref) {
  const { rows } = await database.pool.query(
    `select r.*, b.event_record_id is not null as is_boxed from event_records r
     left join event_outbox b on b.organization_id = r.organization_id and b.event_record_id = r.id where r.id = $1`,
    [ref.eventRecordId],
  )
  return rows[0]
}

async function readDeliveries(): Promise<
  { id: string; event_record_id: string; dispatcher_id: string; state: string }[]
> {
  const { rows } = await database.pool.query(
    `select d.*, b.wake_at from deliveries d
     left join delivery_outbox b on b.organization_id = d.organization_id and b.delivery_id = d.id order by d.id`,
  )
  return rows
}

describe('loading what is to be delivered', () => {
  test('gives events that are neither delivered nor cancelled, with what the matcher needs', async () => {
    const due = await accept({ name: 'a', source: 's', payloadType: 'REQUEST' })
    const cancelled = await accept({ eventId: 'cancelled' })
    await createEventStore(database).cancelEvent(scope(), 'cancelled')
    const delivered = await accept()
    await store.writeDeliveries([decide(delivered)])
    const failed = await accept()
    await store.writeDeliveries([decide(failed, [], 'can not be evaluated')])
    const unknown = { organizationId: due.organizationId, eventRecordId: createId() }
    const foreign = { organizationId: tenants.b.organizationId, eventRecordId: due.eventRecordId }
    const loaded = await store.loadUndelivered([due, cancelled, delivered, failed, unknown, foreign])
    expect(loaded).toEqual([
      {
        ...due,
        ...scope(),
        name: 'a',
        source: 's',
        externalAccountId: null,
        payloadType: 'REQUEST',
        dispatcherSetVersion: expect.stringMatching(/^[1-9]\d*$/),
        fanoutMax: 10_000,
      },
    ])
  })

  test.each([
    [{}, 10_000],
    [{ fanoutMax: 7 }, 7],
    [{ fanoutMax: 0 }, 0],
    [{ fanoutMax: 'many' }, 10_000],
    [{ fanoutMax: null }, 10_000],
    [{ eventBytesMax: 1 }, 10_000],
  ])('of an environment with the limits %j gives a fan-out of %i', async (limits, fanoutMax) => {
    const change = 'update runtime_environments set limits = $2 where id = $1'
    await database.pool.query(change, [scope().environmentId, limits])
    expect(await store.loadUndelivered([await accept()])).toMatchObject([{ fanoutMax }])
    await database.pool.query(change, [scope().environmentId, {}])
  })

  test('gives bodies as text that means the same', async () => {
    const ref = await accept({ payload: { n: 1.5, s: 'é' }, context: [1] })
    const body = (await store.loadBodies([ref])).get(ref.eventRecordId)
    expect([JSON.parse(body?.payload ?? ''), JSON.parse(body?.context ?? '')]).toEqual([{ n: 1.5, s: 'é' }, [1]])
  })

  test('gives the rules of one environment: enabled, not manual, not deleted', async () => {
    const change = (set: string) => `update event_dispatchers set ${set} where id = $1`
    for (const set of ['enabled = false', 'manual = true', 'deleted_at = now()']) {
      const { dispatcherId: id } = await createTestWebhook(database, scope())
      await database.pool.query(change(set), [id])
    }
    await createTestWebhook(database, scope('b'))
    const once = await createTestEphemeral(database, scope(), { url: 'http://127.0.0.1:9/', eventNames: ['x'] })
    const { rules } = await store.loadRulesPage(scope(), { afterId: null, limit: 10 })
    expect(rules.map((rule) => [rule.id, rule.once])).toEqual([
      [dispatcherId, false],
      [once, true],
    ])
  })
})

describe('writing what was decided', () => {
  test('marks the event, empties its outbox and writes pending deliveries with theirs', async () => {
    const ref = await accept()
    const decision = decide(ref)
    const written = await store.writeDeliveries([decision])
    const deliveryId = decision.deliveries[0]?.id
    expect(written).toEqual([{ organizationId: ref.organizationId, dispatcherId, deliveryId, attemptCount: 0 }])
    expect(await readEvent(ref)).toMatchObject({ matched_count: 1, failed_at: null, is_boxed: false })
    expect((await readEvent(ref)).delivered_at).toBeInstanceOf(Date)
    expect(await readDeliveries()).toMatchObject([{ id: deliveryId, state: 'pending', attempt_count: 0 }])
    expect((await readDeliveries())[0]).toMatchObject({ wake_at: expect.any(Date) })
  })

  test('counts the deliveries that the fan-out kept an event from', async () => {
    const [cut, whole] = [await accept(), await accept()]
    await store.writeDeliveries([{ ...decide(cut), fanoutLimited: 12 }, decide(whole)])
    expect(await readEvent(cut)).toMatchObject({ matched_count: 1, fanout_limited: 12 })
    expect(await readEvent(whole)).toMatchObject({ matched_count: 1, fanout_limited: null })
  })

  test('an event that no one wants is delivered to 0', async () => {
    const ref = await accept()
    expect(await store.writeDeliveries([decide(ref, [])])).toEqual([])
    expect(await readEvent(ref)).toMatchObject({ matched_count: 0, is_boxed: false, delivered_at: expect.any(Date) })
  })

  test('an event that can not be evaluated is set aside with its reason, the others go on', async () => {
    const [bad, good] = [await accept(), await accept()]
    const written = await store.writeDeliveries([decide(bad, [], `no${'x'.repeat(9_999)}`), decide(good)])
    expect(written).toHaveLength(1)
    const row = await readEvent(bad)
    expect(row).toMatchObject({ delivered_at: null, failed_at: expect.any(Date), is_boxed: false })
    expect(row.failure_reason).toMatch(/^nox{400,600}$/)
    expect(await readEvent(good)).toMatchObject({ failed_at: null, delivered_at: expect.any(Date) })
  })

  test('nothing is written for an event that was cancelled while its job was on the way', async () => {
    const ref = await accept({ eventId: 'x' })
    const decision = decide((await store.loadUndelivered([ref]))[0] ?? ref)
    expect((await createEventStore(database).cancelEvent(scope(), 'x')).kind).toBe('cancelled')
    expect(await store.writeDeliveries([decision])).toEqual([])
    expect(await readDeliveries()).toEqual([])
    expect(await readEvent(ref)).toMatchObject({ delivered_at: null, matched_count: null })
  })

  test('cancelling and delivering at the same moment: one of them, never both', async () => {
    const outcomes = new Set<string>()
    for (let round = 0; round < 30; round++) {
      const ref = await accept({ eventId: `x${round}` })
      const [cancelled, written] = await Promise.all([
        createEventStore(database).cancelEvent(scope(), `x${round}`),
        store.writeDeliveries([decide(ref)]),
      ])
      outcomes.add(cancelled.kind)
      expect(written).toHaveLength(cancelled.kind === 'cancelled' ? 0 : 1)
      const row = await readEvent(ref)
      expect([row.cancelled_at === null, row.delivered_at === null].toSorted()).toEqual([false, true])
    }
    expect(outcomes.size).toBeGreaterThan(0)
  })

  test('two workers with the same job write one set of deliveries', async () => {
    const refs = await Promise.all(Array.from({ length: 40 }, () => accept()))
    const other = (await createTestWebhook(database, scope())).dispatcherId
    const both = [{ id: dispatcherId }, { id: other }]
    const workers = [refs, refs.toReversed(), refs.slice(10)].map((list) =>
      store.writeDeliveries(list.map((ref) => decide(ref, both))),
    )
    const written = (await Promise.all(workers)).flat()
    expect(written).toHaveLength(80)
    const rows = await readDeliveries()
    expect(rows.map((row) => row.id)).toEqual(written.map((ref) => ref.deliveryId).toSorted())
    expect(new Set(rows.map((row) => `${row.event_record_id} ${row.dispatcher_id}`)).size).toBe(80)
  })

  test('workers with overlapping jobs in any order, and senders of the same ids, do not lock each other out', async () => {
    for (let round = 0; round < 8; round++) {
      const ids = Array.from({ length: 60 }, (_, n) => `r${round} ${n}`)
      const refs = await Promise.all(ids.map((eventId) => accept({ eventId })))
      const again = ids.map((eventId) => ({
        ...scope(),
        event: makeEvent({ eventId }),
        externalAccountId: null,
        accountIdentifier: null,
      }))
      const work = [refs, refs.toReversed(), refs.toSorted(() => Math.random() - 0.5)].map((list) =>
        store.writeDeliveries(list.map((ref) => decide(ref))),
      )
      const [first, second, third] = await Promise.all([...work, createAcceptStore(database).acceptGroup(again, true)])
      expect([...(first ?? []), ...(second ?? []), ...(third ?? [])]).toHaveLength(60)
    }
  })

  test('an event that was put off meanwhile is not delivered before its new time', async () => {
    const ref = await accept()
    await database.pool.query(`update event_outbox set deliver_at = now() + interval '1 hour'`)
    expect(await store.writeDeliveries([decide(ref)])).toEqual([])
    expect(await readEvent(ref)).toMatchObject({ delivered_at: null, is_boxed: true })
  })

  test('nothing is written for a dispatcher of another tenant or environment', async () => {
    const foreign = (await createTestWebhook(database, scope('b'))).dispatcherId
    const development = { ...scope(), environmentId: tenants.a.development.id }
    const elsewhere = (await createTestWebhook(database, development)).dispatcherId
    const ref = await accept()
    await store.writeDeliveries([decide(ref, [{ id: foreign }, { id: elsewhere }, { id: dispatcherId }])])
    expect((await readDeliveries()).map((row) => row.dispatcher_id)).toEqual([dispatcherId])
  })
})

describe('an event that very many dispatchers want', () => {
  const WIDE = 12_000
  let ids: string[] = []

  beforeEach(async () => {
    const { rows } = await database.pool.query<{ id: string }>(
      `insert into event_dispatchers (organization_id, environment_id, id, event_names, source, dispatchable_type,
         dispatchable_id, dispatchable)
       select organization_id, environment_id, gen_random_uuid(), event_names, source, dispatchable_type, n::text, dispatchable
       from event_dispatchers, generate_series(1, $2::int) n where id = $1 returning id`,
      [dispatcherId, WIDE],
    )
    ids = rows.map((row) => row.id)
    await database.pool.query(`
      create table statement_sizes (size int);
      create function log_size() returns trigger language plpgsql as
        'begin insert into statement_sizes select count(*) from added; return null; end';
      create trigger log_size after insert on deliveries referencing new table as added
        for each statement execute function log_size()`)
  })

  afterEach(async () => {
    await database.pool.query(`drop trigger log_size on deliveries; drop function log_size; drop table statement_sizes;
      alter table deliveries drop constraint if exists no_last`)
  })

  const decideWide = (ref: Ref) =>
    decide(
      ref,
      ids.map((id) => ({ id })),
    )

  test('has all of them, with no statement of more than 5,000', async () => {
    const wide = await accept()
    const written = await store.writeDeliveries([decideWide(wide)])
    expect(new Set(written.map((ref) => ref.deliveryId)).size).toBe(WIDE)
    expect((await readDeliveries()).map((row) => row.id)).toEqual(written.map((ref) => ref.deliveryId).toSorted())
    expect(await readEvent(wide)).toMatchObject({ matched_count: WIDE, is_boxed: false })
    const { rows } = await database.pool.query<{ max: number; boxed: number }>(
      `select (select max(size) from statement_sizes), (select count(*)::int from delivery_outbox) as boxed`,
    )
    expect(rows).toEqual([{ max: 5_000, boxed: WIDE }])
  }, 30_000)

  test('is written alone: with another one it is refused, and both stay in the outbox', async () => {
    const refs = [await accept(), await accept()]
    const [small, wide] = refs as [Ref, Ref]
    await expect(store.writeDeliveries([decide(small), decideWide(wide)])).rejects.toMatchObject({ code: 'integrity' })
    expect(await store.loadUndelivered(refs)).toHaveLength(2)
  })

  test('stays whole in the outbox when the last part can not be written', async () => {
    const ref = await accept()
    await database.pool.query(`alter table deliveries add constraint no_last check (dispatcher_id <> '${ids[0]}')`)
    await expect(store.writeDeliveries([decideWide(ref)])).rejects.toMatchObject({ code: '23514' })
    expect(await readEvent(ref)).toMatchObject({ delivered_at: null, is_boxed: true })
    expect(await readDeliveries()).toEqual([])
  }, 30_000)

  test('is cancelled whole or delivered whole, and delivered once by two workers', async () => {
    const ref = await accept({ eventId: 'wide' })
    const [first, cancelled, second] = await Promise.all([
      store.writeDeliveries([decideWide(ref)]),
      createEventStore(database).cancelEvent(scope(), 'wide'),
      store.writeDeliveries([decideWide(ref)]),
    ])
    const count = first.length + second.length
    expect(count).toBe(cancelled.kind === 'cancelled' ? 0 : WIDE)
    expect(await readDeliveries()).toHaveLength(count)
  }, 30_000)
})

describe('a dispatcher that takes one event', () => {
  const url = 'http://127.0.0.1:9/once'

  test('gets the first of a group, and is gone', async () => {
    const once = await createTestEphemeral(database, scope(), { url, eventNames: ['*'] })
    const before = (await store.loadUndelivered([await accept()]))[0]?.dispatcherSetVersion
    const refs = [await accept(), await accept(), await accept()]
    const written = await store.writeDeliveries(
      refs.map((ref) => decide(ref, [{ id: dispatcherId }, { id: once, once: true }])),
    )
    expect(written.filter((ref) => ref.dispatcherId === once)).toHaveLength(1)
    expect(written).toHaveLength(4)
    const rows = await Promise.all(refs.map(readEvent))
    expect(rows.map((row) => row.matched_count)).toEqual([2, 1, 1])
    const { rules } = await store.loadRulesPage(scope(), { afterId: null, limit: 10 })
    expect(rules.map((rule) => rule.id)).toEqual([dispatcherId])
    // Every worker of the environment would wait for the row of its set.
    expect((await store.loadUndelivered([await accept()]))[0]?.dispatcherSetVersion).toBe(before)
    expect(await store.findEndedRules(scope(), new Date(Date.now() - 60_000), 10)).toEqual([
      { id: once, endedAt: expect.any(Date) },
    ])
  })

  test('gets one event exactly, however many workers have one for it', async () => {
    for (let round = 0; round < 10; round++) {
      const once = await createTestEphemeral(database, scope(), { url, eventNames: ['*'] })
      const refs = await Promise.all(Array.from({ length: 8 }, () => accept()))
      const work = refs.map((ref) => store.writeDeliveries([decide(ref, [{ id: once, once: true }])]))
      expect((await Promise.all(work)).flat()).toHaveLength(1)
    }
  })

  test('is not used up by an event that was cancelled meanwhile', async () => {
    const once = await createTestEphemeral(database, scope(), { url, eventNames: ['*'] })
    const cancelled = await accept({ eventId: 'x' })
    await createEventStore(database).cancelEvent(scope(), 'x')
    const [good] = [await accept()]
    const written = await store.writeDeliveries([cancelled, good].map((ref) => decide(ref, [{ id: once, once: true }])))
    expect(written.map((ref) => ref.dispatcherId)).toEqual([once])
    expect((await readDeliveries()).map((row) => row.event_record_id)).toEqual([good.eventRecordId])
  })

  test('takes nothing after it ran out or was deleted', async () => {
    const once = await createTestEphemeral(database, scope(), { url, eventNames: ['*'] })
    await database.pool.query(`update event_dispatchers set expires_at = now() - interval '1 second' where id = $1`, [
      once,
    ])
    expect(await store.writeDeliveries([decide(await accept(), [{ id: once, once: true }])])).toEqual([])
  })

  test('among several in one group, wanted in another order by another worker, locks nobody out', async () => {
    for (let round = 0; round < 6; round++) {
      const ids = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          createTestEphemeral(database, scope(), { url: `${url}/${round}/${n}`, eventNames: ['*'] }),
        ),
      )
      const work = [ids, ids.toReversed(), ids.toSorted(), ids.toReversed()].map(async (order) => {
        const decisions = []
        for (const id of order) decisions.push(decide(await accept(), [{ id, once: true }]))
        return store.writeDeliveries(decisions)
      })
      expect((await Promise.all(work)).flat()).toHaveLength(10)
    }
  })
})
