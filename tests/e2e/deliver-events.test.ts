import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestWebhook } from '@signalbox/testkit'
import { openDelivering, type Delivering } from './open-delivering.js'

let delivering: Delivering

beforeAll(async () => {
  delivering = await openDelivering()
})

afterEach(() => delivering.clear())

afterAll(() => delivering?.close())

describe('delivering a group', () => {
  test('loads the rules once; then of each change what changed', async () => {
    const { accept, create, database, scope } = delivering
    await createTestWebhook(database, scope())
    const { deliverAll: deliver, calls } = create()
    expect(await deliver(await accept(3))).toEqual({ events: 3, deliveries: 3, failed: 0, fanoutLimited: 0, parked: 0 })
    await Promise.all([deliver(await accept(2)), deliver(await accept(2))])
    expect(calls).toMatchObject({ pages: 1, changes: 0 })
    await createTestWebhook(database, scope())
    expect(await deliver(await accept(1))).toMatchObject({ events: 1, deliveries: 2 })
    expect(calls).toMatchObject({ pages: 1, changes: 1 })
  })

  test('an event on which the filters cost too much is set aside alone, with its reason', async () => {
    const { accept, create, database, scope } = delivering
    const payloadFilter = { $nor: Array.from({ length: 900 }, (_, index) => ({ a: { b: [index + 5] } })) }
    for (let count = 0; count < 5; count += 1) await createTestWebhook(database, scope(), { payloadFilter })
    await createTestWebhook(database, scope('b'))
    const [heavy] = await accept(1, { payload: { a: Array.from({ length: 50_000 }, () => ({ b: 1 })) } })
    const refs = [...(heavy === undefined ? [] : [heavy]), ...(await accept(2)), ...(await accept(1, {}, scope('b')))]
    const { deliverAll: deliver } = create()
    expect(await deliver(refs)).toMatchObject({ events: 4, deliveries: 11, failed: 1 })
    const { rows } = await database.pool.query(
      'select id, failure_reason from event_records where failed_at is not null',
    )
    expect(rows).toEqual([
      { id: heavy?.eventRecordId, failure_reason: expect.stringMatching(/^filter_too_expensive: /) },
    ])
  })

  test('loads bodies only for names that a filter looks at, a few at a time', async () => {
    const { accept, create, database, scope } = delivering
    await createTestWebhook(database, scope(), { eventNames: ['filtered'], payloadFilter: { v: [1] } })
    await createTestWebhook(database, scope(), { eventNames: ['plain'] })
    const { deliverAll: deliver, calls } = create()
    await deliver(await accept(10, { name: 'plain' }))
    expect(calls.bodies).toEqual([])
    const refs = [
      ...(await accept(60, { name: 'filtered', payload: { v: 1 } })),
      ...(await accept(60, { name: 'filtered' })),
    ]
    expect(await deliver(refs)).toMatchObject({ events: 120, deliveries: 60, failed: 0 })
    expect(calls.bodies.every((count) => count <= 50)).toBe(true)
    expect(calls.bodies.reduce((sum, count) => sum + count, 0)).toBe(120)
  })

  test('a run ends after many deliveries: everyone else was first, and the rest goes to the end of the queue', async () => {
    const { accept, countWaiting, create, database, fanOut, scope } = delivering
    await fanOut(300)
    await createTestWebhook(database, scope('b'))
    const { deliverAll: deliver, published, givenBack } = create()
    const [wide, small] = [await accept(60), await accept(5, {}, scope('b'))]
    const first = await deliver([...wide, ...small])
    expect(published[0]?.slice(0, 5).map((ref) => ref.organizationId)).toEqual(
      small.map(() => scope('b').organizationId),
    )
    expect(first.deliveries).toBeGreaterThanOrEqual(10_000)
    expect(first.deliveries).toBeLessThan(15_001)
    const left = givenBack.flat()
    expect(left).toHaveLength(65 - first.events)
    expect(left.length).toBeGreaterThan(0)
    const second = await deliver(left)
    expect(first.deliveries + second.deliveries).toBe(60 * 300 + 5)
    expect(givenBack).toHaveLength(1)
    expect(await countWaiting()).toBe(0)
  }, 60_000)

  test('writes a large fan-out in portions, whole in the end', async () => {
    const { accept, create, fanOut } = delivering
    await fanOut(90)
    const { deliverAll: deliver, calls, published } = create()
    expect(await deliver(await accept(100))).toMatchObject({ events: 100, deliveries: 9_000, failed: 0 })
    expect(calls.portions.length).toBeGreaterThan(1)
    for (const size of calls.portions) expect(size).toBeLessThanOrEqual(5_000)
    expect(published.flat()).toHaveLength(9_000)
  })

  test('an event goes to so many dispatchers as its environment allows, the first by id; how many more there were is kept', async () => {
    const { accept, create, database, fanOut, listReceivers, scope } = delivering
    const ids = await fanOut(10)
    await limitFanOut(3)
    const { deliverAll: deliver } = create()
    const [ref] = await accept(1)
    expect(await deliver(ref === undefined ? [] : [ref])).toMatchObject({ events: 1, deliveries: 3, fanoutLimited: 7 })
    expect(await listReceivers(ref)).toEqual(ids.slice(0, 3))
    const { rows } = await database.pool.query('select matched_count, fanout_limited from event_records')
    expect(rows).toEqual([{ matched_count: 3, fanout_limited: 7 }])
    await limitFanOut(null)
    expect(await deliver(await accept(1))).toMatchObject({ deliveries: 10, fanoutLimited: 0 })

    async function limitFanOut(max: number | null): Promise<void> {
      const limits = JSON.stringify(max === null ? {} : { fanoutMax: max })
      await database.pool.query('update runtime_environments set limits = $2 where id = $1', [
        scope().environmentId,
        limits,
      ])
    }
  })
})

describe('a dispatcher that can not be read', () => {
  async function breakFilter(id: string): Promise<void> {
    const change = `update event_dispatchers set payload_filter = '{"$or": 5}' where id = $1`
    await delivering.database.pool.query(change, [id])
  }

  test('holds up the events whose names it covers, and no others', async () => {
    const { accept, countWaiting, create, database, listReceivers, scope } = delivering
    const good = await createTestWebhook(database, scope())
    const broken = await createTestWebhook(database, scope(), { eventNames: ['order.*'] })
    await createTestWebhook(database, scope('b'))
    await breakFilter(broken.dispatcherId)
    const { deliverAll: deliver, unreadable } = create()
    const held = await accept(2, { name: 'order.paid' })
    const [free] = await accept(1, { name: 'refund.paid' })
    const refs = [...held, ...(free === undefined ? [] : [free]), ...(await accept(3, {}, scope('b')))]
    expect(await deliver(refs)).toEqual({ events: 4, deliveries: 4, failed: 0, fanoutLimited: 0, parked: 0 })
    expect(await deliver(held)).toMatchObject({ events: 0 })
    expect(await listReceivers(free)).toEqual([good.dispatcherId])
    expect(await countWaiting()).toBe(2)
    expect(unreadable).toEqual([scope()])

    // Once it was repaired, they are delivered.
    const { dispatchers } = delivering
    await dispatchers.updateDispatcher(scope(), broken.dispatcherId, { payloadFilter: null })
    expect(await deliver(held)).toMatchObject({ events: 2, deliveries: 4 })
    expect(await countWaiting()).toBe(0)
    expect(unreadable).toHaveLength(1)
  })
})
