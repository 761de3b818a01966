import { describe, expect, test } from '@jest/globals'
import type { DeliveryRef, EventRef } from '@signalbox/domain'
import { createSchedule } from './schedule.js'

type Deps = Parameters<typeof createSchedule>[0]

const ref = (n: number): DeliveryRef => ({
  organizationId: 'o',
  dispatcherId: 'd',
  deliveryId: String(n),
  attemptCount: 0,
})

function create(parts: Partial<Deps['store']>) {
  const published: (EventRef | DeliveryRef)[] = []
  const nothing = async () => ({ removed: 0, isMore: false })
  const store: Deps['store'] = {
    takeDueEvents: async () => [],
    takeDueDeliveries: async () => ({ refs: [], looked: 0 }),
    pruneEvents: nothing,
    pruneIdempotencyKeys: nothing,
    pruneDispatchers: nothing,
    pruneOrphans: nothing,
    ...parts,
  }
  const queue: Deps['queue'] = {
    publishDeliver: async (refs) => void published.push(...refs),
    publishDispatch: async (refs) => void published.push(...refs),
    probeDeliverQueue: async () => ({ isEmpty: false }),
    probeDispatchQueue: async () => ({ isEmpty: false }),
  }
  return { schedule: createSchedule({ store, queue }), published }
}

describe('a run for due deliveries', () => {
  test('goes on behind a batch of which little was due, and ends with one that is not full', async () => {
    const batches = [
      { refs: [ref(1)], looked: 1_000 },
      { refs: [], looked: 1_000 },
      { refs: [ref(2)], looked: 999 },
      { refs: [ref(3)], looked: 1_000 },
    ]
    const { schedule, published } = create({
      takeDueDeliveries: async () => batches.shift() ?? { refs: [], looked: 0 },
    })
    expect(await schedule.publishDueDeliveries()).toBe(2)
    expect(published).toEqual([ref(1), ref(2)])
  })

  test('ends, however much there is to look at', async () => {
    let runs = 0
    const { schedule } = create({ takeDueDeliveries: async () => ({ refs: [], looked: ((runs += 1), 1_000) }) })
    await schedule.publishDueDeliveries()
    expect(runs).toBe(20)
  })
})

describe('a run of pruning', () => {
  test('says that there is more when it ended with work left, and every kind has its turn', async () => {
    let events = 0
    let orphans = 0
    const { schedule } = create({
      pruneEvents: async () => ({ removed: ((events += 1), 500), isMore: true }),
      pruneOrphans: async () => ({ removed: ((orphans += 1), 3), isMore: orphans < 2 }),
    })
    expect(await schedule.prune()).toEqual({ removed: 40 * 500 + 6, isMore: true })
    expect([events, orphans]).toEqual([40, 2])
  })

  test('goes on behind a batch that looked at much and removed nothing', async () => {
    const batches = [
      { removed: 0, isMore: true },
      { removed: 7, isMore: false },
    ]
    const { schedule } = create({ pruneEvents: async () => batches.shift() ?? { removed: 1, isMore: false } })
    expect(await schedule.prune()).toEqual({ removed: 7, isMore: false })
  })
})
