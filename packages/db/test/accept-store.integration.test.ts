import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { EVENT_UPDATE_MARGIN_MS, type NewEvent } from '@signalbox/domain'
import { makeEvent } from '@signalbox/testkit'
import { createAcceptStore, createDatabase, createEventStore } from '../src/index.js'
import { type OpenAcceptStore, openAcceptStore } from './open-accept-store.js'

let opened: OpenAcceptStore
let database: OpenAcceptStore['database']
let tenants: OpenAcceptStore['tenants']
let store: OpenAcceptStore['store']
let scopeOf: OpenAcceptStore['scopeOf']
let scoped: OpenAcceptStore['scoped']
let readRows: OpenAcceptStore['readRows']

beforeAll(async () => {
  opened = await openAcceptStore()
  ;({ database, tenants, store, scopeOf, scoped, readRows } = opened)
})

afterEach(() => opened.empty())
afterAll(() => opened?.close())

const HOUR_MS = 3_600_000

async function accept(events: NewEvent[], isAtomic = false) {
  return store.acceptGroup(
    events.map((event) => scoped(event)),
    isAtomic,
  )
}

function inMs(ms: number): Date {
  return new Date(Date.now() + ms)
}

/** Does what delivering does to an event. */
async function deliver(eventId: string): Promise<void> {
  await database.pool.query(
    `with done as (update event_records set delivered_at = now() where event_id = $1 returning organization_id, id)
     delete from event_outbox b using done where b.organization_id = done.organization_id and b.event_record_id = done.id`,
    [eventId],
  )
}

describe('a new event', () => {
  test('stands with its outbox row, field by field as it was given', async () => {
    const event = makeEvent({
      eventId: 'é"\\ 1',
      name: 'order.paid',
      source: 'shop',
      timestamp: new Date('2020-01-01T00:00:00.123Z'),
      payload: { n: 0, f: false, e: '', nested: [1, { a: null }], __proto__: 1 },
      payloadType: 'REQUEST',
      context: ['x'],
      isTest: true,
      orderingKey: 'key',
      traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    const [stored] = await accept([event])
    expect(stored).toMatchObject({ isDue: true, ref: { eventRecordId: event.id } })
    const [row] = await readRows(event.eventId)
    expect(row).toMatchObject({
      id: event.id,
      environment_id: scopeOf().environmentId,
      name: 'order.paid',
      source: 'shop',
      timestamp: event.timestamp,
      payload: event.payload,
      payload_type: 'REQUEST',
      context: ['x'],
      is_test: true,
      ordering_key: 'key',
      trace_parent: event.traceParent,
      deliver_at: event.deliverAt,
      delivered_at: null,
      external_account_id: null,
      source_context: null,
    })
    expect(row.box_deliver_at.getTime()).toBeLessThanOrEqual(Date.now() + 1_000)
    // Published at once; the scheduler looks only when that publication must have been lost.
    expect(row.enqueue_at.getTime()).toBeGreaterThan(Date.now() + 10_000)
  })

  test('for later waits in the outbox for its time, and is not queued', async () => {
    const event = makeEvent({ deliverAt: inMs(HOUR_MS) })
    const [stored] = await accept([event])
    expect(stored?.isDue).toBe(false)
    expect(await readRows(event.eventId)).toMatchObject([
      { box_deliver_at: event.deliverAt, enqueue_at: event.deliverAt, deliver_at: event.deliverAt },
    ])
  })

  test('that names an account which is unknown keeps the name that it gave', async () => {
    const event = makeEvent({ accountId: 'nobody' })
    await accept([event])
    expect(await readRows(event.eventId)).toMatchObject([{ source_context: { unknownAccountId: 'nobody' } }])
  })

  test('has the same id as another in another environment, without a trace of it', async () => {
    const mine = makeEvent({ eventId: 'same', payload: { of: 'a' } })
    const theirs = makeEvent({ eventId: 'same', payload: { of: 'b' } })
    const stored = await store.acceptGroup([scoped(mine), scoped(theirs, 'b')], false)
    expect(stored.map((one) => one.accepted.payload)).toEqual([{ of: 'a' }, { of: 'b' }])
    const again = await store.acceptGroup([scoped(makeEvent({ eventId: 'same' }), 'b')], false)
    expect(again[0]?.accepted.payload).toEqual({ of: 'b' })
    expect(await readRows('same')).toHaveLength(2)
  })
})

describe('an id that was sent before', () => {
  test('delivered: stays untouched and is not queued', async () => {
    await accept([makeEvent({ eventId: 'x', payload: { v: 1 } })])
    await deliver('x')
    const [before] = await readRows('x')
    const [again] = await accept([makeEvent({ eventId: 'x', payload: { v: 2 }, name: 'other' })])
    expect(again).toMatchObject({ isDue: false, accepted: { payload: { v: 1 }, name: 'order.paid' } })
    expect(again?.accepted.deliveredAt).toBeInstanceOf(Date)
    expect(await readRows('x')).toEqual([before])
  })

  test('cancelled: stays untouched and cancelled, also when it was for later', async () => {
    await accept([makeEvent({ eventId: 'x', deliverAt: inMs(HOUR_MS), payload: { v: 1 } })])
    await createEventStore(database).cancelEvent(scopeOf(), 'x')
    const [again] = await accept([makeEvent({ eventId: 'x', payload: { v: 2 } })])
    expect(again).toMatchObject({ isDue: false, accepted: { payload: { v: 1 }, deliveredAt: null } })
    expect(again?.accepted.cancelledAt).toBeInstanceOf(Date)
    expect(await readRows('x')).toMatchObject([{ payload: { v: 1 }, box_deliver_at: null }])
  })

  test('pending and due in 5 s or more: what was given is replaced, the rest stays', async () => {
    const first = makeEvent({
      eventId: 'x',
      name: 'first',
      source: 'shop',
      payload: { v: 1 },
      context: { c: 1 },
      deliverAt: inMs(EVENT_UPDATE_MARGIN_MS + 60_000),
    })
    await accept([first])
    const deliverAt = inMs(2 * HOUR_MS)
    const second = makeEvent({ eventId: 'x', name: 'second', source: 'bank', payload: { v: 2 }, deliverAt })
    const [again] = await accept([second])
    expect(again).toMatchObject({ isDue: false, ref: { eventRecordId: first.id } })
    expect(again?.accepted).toMatchObject({ name: 'first', payload: { v: 2 }, context: { c: 1 }, deliverAt })
    expect(await readRows('x')).toMatchObject([
      {
        id: first.id,
        name: 'first',
        source: 'shop',
        timestamp: first.timestamp,
        payload: { v: 2 },
        context: { c: 1 },
        deliver_at: deliverAt,
        box_deliver_at: deliverAt,
        enqueue_at: deliverAt,
      },
    ])
    const third = makeEvent({ eventId: 'x', payloadType: 'REQUEST', context: { c: 3 }, deliverAt })
    await accept([third])
    expect(await readRows('x')).toMatchObject([{ payload: { v: 2 }, payload_type: 'REQUEST', context: { c: 3 } }])
  })

  test('pending and due in 5 s or more, and now due at once: it is queued', async () => {
    await accept([makeEvent({ eventId: 'x', deliverAt: inMs(HOUR_MS) })])
    const [again] = await accept([makeEvent({ eventId: 'x' })])
    expect(again?.isDue).toBe(true)
    const [row] = await readRows('x')
    expect(row.box_deliver_at.getTime()).toBeLessThanOrEqual(Date.now() + 1_000)
    expect(row.enqueue_at.getTime()).toBeLessThan(Date.now() + HOUR_MS / 2)
  })

  test('pending and due in less than 5 s: stays as it is, and is not queued before its time', async () => {
    const deliverAt = inMs(EVENT_UPDATE_MARGIN_MS - 1_500)
    await accept([makeEvent({ eventId: 'x', payload: { v: 1 }, deliverAt })])
    const [again] = await accept([makeEvent({ eventId: 'x', payload: { v: 2 }, deliverAt: inMs(HOUR_MS) })])
    expect(again).toMatchObject({ isDue: false, accepted: { payload: { v: 1 }, deliverAt } })
    expect(await readRows('x')).toMatchObject([{ payload: { v: 1 }, box_deliver_at: deliverAt }])
  })

  test('pending and due now: stays as it is, and is queued again', async () => {
    await accept([makeEvent({ eventId: 'x', payload: { v: 1 } })])
    const [again] = await accept([makeEvent({ eventId: 'x', payload: { v: 2 }, deliverAt: inMs(HOUR_MS) })])
    expect(again).toMatchObject({ isDue: true, accepted: { payload: { v: 1 } } })
    expect(await readRows('x')).toMatchObject([{ payload: { v: 1 } }])
  })

  test('beside new ones: each in its place', async () => {
    await accept([makeEvent({ eventId: 'b', payload: { v: 1 } })])
    const events = ['a', 'b', 'c'].map((eventId) => makeEvent({ eventId, payload: { v: 2 } }))
    const stored = await accept(events, true)
    expect(stored.map((one) => one.accepted.eventId)).toEqual(['a', 'b', 'c'])
    expect(stored.map((one) => one.accepted.payload)).toEqual([{ v: 2 }, { v: 1 }, { v: 2 }])
  })
})

describe('at the same moment', () => {
  test('one id from many connections is one event, and all are answered with it', async () => {
    for (let round = 0; round < 10; round++) {
      const eventId = `x${round}`
      const senders = Array.from({ length: 8 }, (_, n) => accept([makeEvent({ eventId, payload: { n } })], n % 2 === 0))
      const answers = (await Promise.all(senders)).flat()
      const rows = await readRows(eventId)
      expect(rows).toHaveLength(1)
      for (const answer of answers) {
        expect(answer.ref.eventRecordId).toBe(rows[0].id)
        expect(answer.accepted.payload).toEqual(rows[0].payload)
        expect(answer.isDue).toBe(true)
      }
    }
  })

  test('groups with the same ids in opposite order do not lock each other out', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `id ${n}`)
    await accept(ids.slice(0, 30).map((eventId) => makeEvent({ eventId, deliverAt: inMs(HOUR_MS) })))
    const send = (order: string[], isAtomic: boolean) =>
      accept(
        order.map((eventId) => makeEvent({ eventId, deliverAt: inMs(HOUR_MS), payload: { v: 2 } })),
        isAtomic,
      )
    for (let round = 0; round < 5; round++) {
      const groups = [ids, ids.toReversed(), ids.toSorted(), ids.slice(20).toReversed()]
      const answers = await Promise.all(groups.map((order, index) => send(order, index % 2 === 0)))
      expect(answers.map((stored) => stored.length)).toEqual(groups.map((order) => order.length))
    }
    const { rows } = await database.pool.query('select count(*)::int as count from event_records')
    expect(rows).toEqual([{ count: 60 }])
  })
})

describe('all or none', () => {
  test('an atomic group with one bad row stores nothing', async () => {
    const bad = makeEvent({ eventId: 'bad', timestamp: new Date('+123456-01-01T00:00:00Z'), payload: { nul: '\0' } })
    await expect(accept([makeEvent({ eventId: 'good' }), bad], true)).rejects.toThrow()
    await expect(
      store.acceptRequest([makeEvent({ eventId: 'good' }), bad].map((event) => scoped(event))),
    ).rejects.toThrow()
    const { rows } = await database.pool.query('select count(*)::int as count from event_records')
    expect(rows).toEqual([{ count: 0 }])
  })
})

describe('one request in rounds', () => {
  test('ids that repeat are sent again, as if they came one after another', async () => {
    const deliverAt = inMs(HOUR_MS)
    const events = [
      makeEvent({ eventId: 'x', payload: { v: 1 }, deliverAt }),
      makeEvent({ eventId: 'y', payload: { v: 1 } }),
      makeEvent({ eventId: 'x', payload: { v: 2 }, deliverAt }),
      makeEvent({ eventId: 'y', payload: { v: 2 } }),
      makeEvent({ eventId: 'x', context: { c: 3 }, deliverAt }),
    ]
    const outcome = await store.acceptRequest(events.map((event) => scoped(event)))
    if (outcome.kind !== 'stored') throw new Error(outcome.kind)
    const answers = outcome.events.map(({ accepted }) => [accepted.eventId, accepted.payload, accepted.context])
    expect(answers).toEqual([
      ['x', { v: 1 }, {}],
      ['y', { v: 1 }, {}],
      ['x', { v: 2 }, {}],
      ['y', { v: 1 }, {}],
      ['x', { v: 2 }, { c: 3 }],
    ])
    expect(await readRows('x')).toMatchObject([{ payload: { v: 2 }, context: { c: 3 } }])
  })
})

describe('the database itself', () => {
  test('refuses an event in an environment of another tenant', async () => {
    const foreign = { ...scoped(makeEvent({ eventId: 'x' })), environmentId: tenants.b.production.id }
    await expect(store.acceptGroup([foreign], false)).rejects.toMatchObject({ code: '23503' })
    expect(await readRows('x')).toEqual([])
  })

  test('refuses an event with an account of another tenant', async () => {
    const [account] = await store.resolveAccounts([{ ...scopeOf('b'), identifier: 'theirs 2', create: true }])
    const foreign = { ...scoped(makeEvent({ eventId: 'x' })), externalAccountId: account ?? null }
    await expect(store.acceptGroup([foreign], false)).rejects.toMatchObject({ cause: { code: '23503' } })
  })

  test('lets an event outlive its account', async () => {
    const [account] = await store.resolveAccounts([{ ...scopeOf(), identifier: 'brief', create: true }])
    const event = {
      ...scoped(makeEvent({ eventId: 'x' })),
      externalAccountId: account ?? null,
      accountIdentifier: 'brief',
    }
    await store.acceptGroup([event], false)
    await database.pool.query('delete from external_accounts where id = $1', [account])
    const [row] = await readRows('x')
    expect(row).toMatchObject({ external_account_id: null, account_identifier: 'brief' })
    expect(row.organization_id).toBe(tenants.a.organizationId)
  })
})

test('when Postgres is away, says so with one stable code', async () => {
  const away = createDatabase({ url: 'postgresql://nobody@127.0.0.1:1/none', connectionTimeoutMs: 500 })
  try {
    const lost = createAcceptStore(away)
    const unavailable = { code: 'storage_unavailable' }
    await expect(lost.acceptGroup([scoped(makeEvent())], false)).rejects.toMatchObject(unavailable)
    await expect(lost.acceptGroup([scoped(makeEvent())], true)).rejects.toMatchObject(unavailable)
    await expect(lost.acceptRequest([scoped(makeEvent())])).rejects.toMatchObject(unavailable)
    await expect(lost.resolveAccounts([{ ...scopeOf(), identifier: 'x', create: true }])).rejects.toMatchObject(
      unavailable,
    )
  } finally {
    await away.close()
  }
})
