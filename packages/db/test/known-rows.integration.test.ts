import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createId } from '@signalbox/domain'
import { createTestWebhook, makeEvent } from '@signalbox/testkit'
import { createAcceptStore, createDeliverStore } from '../src/index.js'
import { openAcceptStore, type OpenAcceptStore } from './open-accept-store.js'

/** A store that has met no known row yet takes rows for new; what one of them meets then must be as if it had not. */
let open: OpenAcceptStore

beforeAll(async () => {
  open = await openAcceptStore()
})

afterEach(async () => {
  await open.empty()
})

afterAll(async () => {
  await open?.close()
})

const count = async (table: string): Promise<number> => {
  const { rows } = await open.database.pool.query<{ count: number }>(`select count(*)::int as count from ${table}`)
  return rows[0]?.count ?? -1
}

describe('the first id that is known', () => {
  test.each([true, false])('leaves its group stored once, each event by its rule (atomic: %s)', async (isAtomic) => {
    const send = (store: OpenAcceptStore['store'], ids: string[], version: number) =>
      store.acceptGroup(
        ids.map((eventId) => open.scoped(makeEvent({ eventId, payload: { version } }))),
        isAtomic,
      )
    await send(createAcceptStore(open.database), ['a', 'b'], 1)
    const store = createAcceptStore(open.database)
    const versionsOf = async (ids: string[], version: number) =>
      (await send(store, ids, version)).map(({ accepted }) => [accepted.eventId, accepted.payload])
    expect(await versionsOf(['c', 'a', 'd'], 2)).toEqual([
      ['c', { version: 2 }],
      ['a', { version: 1 }],
      ['d', { version: 2 }],
    ])
    expect(await versionsOf(['d', 'e'], 3)).toEqual([
      ['d', { version: 2 }],
      ['e', { version: 3 }],
    ])
    expect([await count('event_records'), await count('event_outbox')]).toEqual([5, 5])
  })

  test('is met by many senders at once without a loss', async () => {
    const groups = Array.from({ length: 12 }, (_, group) =>
      ['same', `own-${group}`].map((eventId) => open.scoped(makeEvent({ eventId }))),
    )
    const stored = await Promise.all(groups.map((group) => createAcceptStore(open.database).acceptGroup(group, true)))
    expect(new Set(stored.map(([first]) => first?.ref.eventRecordId)).size).toBe(1)
    expect([await count('event_records'), await count('event_outbox')]).toEqual([13, 13])
  })
})

test('a delivery that a replay made before its event was delivered stays the only one, and the others of the group are written', async () => {
  const { database, scopeOf, scoped, store } = open
  const scope = scopeOf()
  const { dispatcherId } = await createTestWebhook(database, scope)
  const events = await store.acceptGroup([scoped(makeEvent()), scoped(makeEvent())], true)
  const ids = events.map(({ ref }) => ref.eventRecordId)
  const made = createId()
  await database.pool.query(
    `insert into deliveries (organization_id, environment_id, id, event_record_id, dispatcher_id) values ($1, $2, $3, $4, $5)`,
    [scope.organizationId, scope.environmentId, made, ids[0], dispatcherId],
  )
  const decisions = ids.map((eventRecordId) => ({
    ...scope,
    eventRecordId,
    deliveries: [{ id: createId(), eventRecordId, dispatcherId, once: false }],
    fanoutLimited: 0,
    failure: null,
  }))
  const written = await createDeliverStore(database).writeDeliveries(decisions)
  expect(written.map((ref) => ref.deliveryId)).toEqual(decisions.map(({ deliveries }) => deliveries[0]?.id))
  const { rows } = await database.pool.query('select id, event_record_id as event from deliveries')
  expect(new Map(rows.map(({ event, id }) => [event, id]))).toEqual(
    new Map([
      [ids[0], made],
      [ids[1], decisions[1]?.deliveries[0]?.id],
    ]),
  )
  expect([rows.length, await count('event_outbox'), await count('event_records where delivered_at is null')]).toEqual([
    2, 0, 0,
  ])
})
