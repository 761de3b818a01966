import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createPruneStore } from '@signalbox/db'
import type { EventRef } from '@signalbox/domain'
import type { DeliverStore } from '@signalbox/pipeline'
import { createTestEphemeral, createTestWebhook, pollUntil } from '@signalbox/testkit'
import { openDelivering, type Delivering } from './open-delivering.js'

let delivering: Delivering

beforeAll(async () => {
  delivering = await openDelivering()
})

afterEach(() => delivering.clear())

afterAll(() => delivering?.close())

/** Reads pages only when the test lets it. */
function holdPages(isHeld: (environmentId: string) => boolean) {
  const waiting: (() => void)[] = []
  const wrap = (store: DeliverStore): Partial<DeliverStore> => ({
    loadRulesPage: async (of, page) => {
      const read = await store.loadRulesPage(of, page)
      if (isHeld(of.environmentId)) await new Promise<void>((resolve) => waiting.push(resolve))
      return read
    },
  })
  return { wrap, waiting, letGo: () => waiting.shift()?.() }
}

describe('an environment whose rules are being loaded', () => {
  test('keeps no other waiting, however often its events come; they go out when the rules are there', async () => {
    const { accept, create, database, fanOut, listReceivers, scope } = delivering
    await fanOut(500)
    const { dispatcherId } = await createTestWebhook(database, scope('b'))
    const pages = holdPages((id) => id === scope().environmentId)
    const worker = create({}, pages.wrap)
    // Its rules are there before anything else, however slow the machine is.
    const [first] = await accept(1, {}, scope('b'))
    await worker.deliver(first === undefined ? [] : [first])
    await pollUntil(async () => (await listReceivers(first)).length === 1, { what: 'the first delivery' })
    const [big] = await accept(1)
    const small = await accept(3, {}, scope('b'))
    expect(await worker.deliver([...(big === undefined ? [] : [big]), ...small])).toMatchObject({
      events: 3,
      parked: 1,
    })
    expect(await listReceivers(small[0])).toEqual([dispatcherId])

    // Between any two pages others are delivered, also in the same group, and without waiting a moment.
    for (let page = 1; page <= 3; page += 1) {
      await pollUntil(() => pages.waiting.length === 1, { what: 'a page' })
      const again = await accept(1, {}, scope('b'))
      expect(await worker.deliver([...(big === undefined ? [] : [big]), ...again])).toMatchObject({
        events: 1,
        parked: 1,
      })
      expect(worker.stats()).toMatchObject({ parkedEvents: 1, loads: 2 })
      expect(await listReceivers(big)).toEqual([])
      pages.letGo()
    }
    await pollUntil(async () => (await listReceivers(big)).length === 500, { what: 'its deliveries' })
    await pollUntil(() => worker.stats().parkedEvents === 0, { what: 'nothing parked' })
    expect(worker.givenBack).toEqual([])
  }, 60_000)

  test('takes up what changes meanwhile, and what changes then is as quick as ever', async () => {
    const { accept, create, database, dispatchers, fanOut, listReceivers, scope } = delivering
    const ids = await fanOut(300)
    const pages = holdPages(() => true)
    const worker = create({}, pages.wrap)
    const early = await accept(1)
    await worker.deliver(early)
    // The first page has this one already; the new one has an id of its own, wherever that stands.
    await dispatchers.updateDispatcher(scope(), String(ids[0]), { enabled: false })
    const { dispatcherId } = await createTestWebhook(database, scope())
    const late = await accept(1)
    await worker.deliver(late)
    for (let page = 1; page <= 2; page += 1) {
      await pollUntil(() => pages.waiting.length === 1, { what: 'a page' })
      pages.letGo()
    }
    await pollUntil(async () => (await listReceivers(late[0])).length > 0, { what: 'its deliveries' })
    const wanted = [...ids.slice(1), dispatcherId].toSorted()
    expect(await listReceivers(late[0])).toEqual(wanted)
    await dispatchers.deleteDispatcher(scope(), dispatcherId)
    expect(await worker.deliverAll(await accept(1))).toMatchObject({ events: 1, deliveries: 299 })
    expect(worker.stats()).toMatchObject({ loads: 1, refreshes: 1 })
  }, 60_000)

  test('when the worker stops, its events go back to the queue, for others', async () => {
    const { accept, create, fanOut } = delivering
    await fanOut(300)
    const pages = holdPages(() => true)
    const worker = create({}, pages.wrap)
    const events = await accept(3)
    await worker.deliver(events)
    const stopping = worker.stop()
    await pollUntil(() => worker.givenBack.length === 1, { what: 'what is given back' })
    pages.letGo()
    await stopping
    expect(worker.givenBack.flat().map(toId)).toEqual(events.map(toId))
    const other = create()
    expect(await deliverAll(other.deliver, events)).toBe(0)
  })

  function toId(ref: EventRef): string {
    return ref.eventRecordId
  }

  async function deliverAll(deliver: (refs: EventRef[]) => Promise<unknown>, refs: EventRef[]): Promise<number> {
    await deliver(refs)
    await pollUntil(async () => (await delivering.countWaiting()) === 0, { what: 'an empty outbox' })
    return delivering.countWaiting()
  }
})

describe('memory', () => {
  test('is bounded: sets go and come again, and answers stay the same', async () => {
    const { accept, create, database, scope } = delivering
    const scopes = [scope('a'), scope('b'), scope('a', 'development'), scope('b', 'development')]
    const ids = await Promise.all(scopes.map(async (of) => (await createTestWebhook(database, of)).dispatcherId))
    const measured = create()
    await measured.deliverAll(await accept(1, {}, scopes[0]))
    const bytes = measured.stats().bytes
    const worker = create({ matchersBytesMax: bytes * 2.5 })
    for (let round = 0; round < 3; round += 1) {
      for (const [index, of] of scopes.entries()) {
        const refs = await accept(1, {}, of)
        expect(await worker.deliverAll(refs)).toMatchObject({ events: 1, deliveries: 1 })
        expect(await delivering.listReceivers(refs[0])).toEqual([ids[index]])
        // What was dropped counts until it is free, bit by bit.
        const isBounded = async () => Promise.resolve(worker.stats().bytes <= bytes * 2.5)
        await pollUntil(isBounded, { what: 'memory within its bound' })
      }
    }
    expect(worker.stats()).toMatchObject({ sets: 2, loads: 12, evictions: 10, events: 12 })
  })

  test('that is too small for a single set serves it all the same', async () => {
    const { accept, create, fanOut } = delivering
    await fanOut(100)
    const told: number[] = []
    const worker = create({ matchersBytesMax: 1, observer: { onRulesTooLarge: (bytes) => void told.push(bytes) } })
    for (let run = 1; run <= 2; run += 1) {
      expect(await worker.deliverAll(await accept(1))).toMatchObject({ events: 1, deliveries: 100 })
      expect(told).toHaveLength(run)
    }
  })
})

describe('changes that are there no more', () => {
  test('make the worker load all rules anew', async () => {
    const { accept, create, database, dispatchers, scope } = delivering
    const [gone, kept] = [await createTestWebhook(database, scope()), await createTestWebhook(database, scope())]
    const worker = create()
    expect(await worker.deliverAll(await accept(1))).toMatchObject({ deliveries: 2 })
    await dispatchers.deleteDispatcher(scope(), gone.dispatcherId)
    await database.pool.query('truncate event_records, delivery_outbox cascade')
    await database.pool.query(
      `update event_dispatchers set deleted_at = now() - interval '4000 days' where deleted_at is not null`,
    )
    expect(await createPruneStore(database).pruneDispatchers(100)).toMatchObject({ removed: 1 })
    const refs = await accept(1)
    expect(await worker.deliverAll(refs)).toMatchObject({ events: 1, deliveries: 1 })
    expect(await delivering.listReceivers(refs[0])).toEqual([kept.dispatcherId])
    expect(worker.stats()).toMatchObject({ loads: 2, rules: 1 })
  })
})

describe('dispatchers that take one event', () => {
  async function make(count: number): Promise<void> {
    const { database, scope } = delivering
    for (let number = 0; number < count; number += 1) {
      await createTestEphemeral(database, scope(), { url: `http://127.0.0.1:9/${number}`, eventNames: [`e${number}`] })
    }
  }

  test('leave memory with the event that used them up', async () => {
    const { accept, create } = delivering
    await make(5)
    const worker = create()
    expect(await worker.deliverAll(await accept(1, { name: 'e1' }))).toMatchObject({ deliveries: 1 })
    expect(worker.stats().rules).toBe(4)
    expect(await worker.deliverAll(await accept(2, { name: 'e2' }))).toMatchObject({ events: 2, deliveries: 1 })
    expect(worker.stats()).toMatchObject({ rules: 3, loads: 1, refreshes: 0 })
  })

  test('that others used up, or that have run out, leave memory a minute later', async () => {
    const { accept, create, database } = delivering
    await make(4)
    const [one, other] = [create({ endedEveryMs: 0 }), create()]
    await one.deliverAll(await accept(1))
    await other.deliverAll(await accept(1, { name: 'e1' }))
    await database.pool.query(
      `update event_dispatchers set expires_at = now() - interval '1 second' where event_names = '{e2}'`,
    )
    // The scheduler ends what has run out.
    await createPruneStore(database).pruneDispatchers(100)
    const isGone = async (): Promise<boolean> => {
      await one.deliverAll(await accept(1))
      return one.stats().rules === 2
    }
    await pollUntil(isGone, { what: 'two rules less' })
    expect(one.stats()).toMatchObject({ loads: 1, refreshes: 0 })
    expect(await one.deliverAll(await accept(1, { name: 'e3' }))).toMatchObject({ deliveries: 1 })
  })
})
