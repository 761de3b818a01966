import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { makeEvent } from '@signalbox/testkit'
import { createDeliverStore } from '../src/index.js'
import { openAcceptStore, type OpenAcceptStore } from './open-accept-store.js'

const AHEAD_MS = 60_000

let open: OpenAcceptStore

beforeAll(async () => {
  open = await openAcceptStore()
})

afterAll(async () => {
  await open?.close()
})

test('an event from a process whose clock is ahead of Postgres is delivered at once', async () => {
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + AHEAD_MS)
  const event = open.scoped(makeEvent({ deliverAt: new Date(Date.now()) }))
  const [stored] = await open.store.acceptGroup([event], false)
  clock.mockRestore()
  if (stored === undefined) throw new Error('not stored')
  expect(stored.isDue).toBe(true)
  const store = createDeliverStore(open.database)
  const { eventRecordId } = stored.ref
  expect(await store.loadUndelivered([stored.ref])).toMatchObject([{ eventRecordId }])
  const decision = { ...open.scopeOf(), eventRecordId, deliveries: [], fanoutLimited: 0, failure: null }
  await store.writeDeliveries([decision])
  const { rows } = await open.database.pool.query('select delivered_at is not null as is_delivered from event_records')
  expect(rows).toEqual([{ is_delivered: true }])
})
