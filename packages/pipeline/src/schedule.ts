import type { DeliveryRef, EventRef } from '@signalbox/domain'
import type { DeliverQueue } from './accept-events.js'
import type { DispatchQueue } from './deliver-events.js'

/** Finds due work that nobody has taken, in bounded batches, and moves the moment at which it is looked at again. */
export interface ScheduleStore {
  /** Outbox rows whose time has come; with `isQueueEmpty` also those that a lost queue must have held. */
  takeDueEvents(limit: number, isQueueEmpty: boolean): Promise<EventRef[]>
  /** Pending deliveries that are due, and claims whose lease ran out (→ pending). */
  takeDueDeliveries(limit: number, isQueueEmpty: boolean): Promise<DeliveryRef[]>
}

/** Removes what has outlived its environment's retention. Each call is one small batch; gives the rows removed. */
export interface PruneStore {
  pruneEvents(limit: number): Promise<number>
  pruneIdempotencyKeys(limit: number): Promise<number>
  pruneDispatchers(limit: number): Promise<number>
  pruneOrphans(limit: number): Promise<number>
}

/** Tells whether a queue holds anything that is to be worked on now. Throws when Redis is away. */
export interface QueueProbe {
  isDeliverQueueEmpty(): Promise<boolean>
  isDispatchQueueEmpty(): Promise<boolean>
}

/** What scheduling needs. */
export interface ScheduleDeps {
  store: ScheduleStore & PruneStore
  queue: DeliverQueue & DispatchQueue & QueueProbe
}

/** Rows of one batch, and batches of one run: a run ends, however much is due. */
const BATCH_MAX = 1_000
const BATCHES_MAX = 20
const PRUNE_BATCH_MAX = 500
const PRUNE_BATCHES_MAX = 40

/** Creates the scheduler's work: each function is one bounded run. */
export function createSchedule(deps: ScheduleDeps): {
  publishDueEvents: () => Promise<number>
  publishDueDeliveries: () => Promise<number>
  prune: () => Promise<number>
} {
  const { store, queue } = deps
  return {
    publishDueEvents: async () => {
      const isEmpty = await queue.isDeliverQueueEmpty()
      return runBatches(BATCHES_MAX, BATCH_MAX, async () => {
        const refs = await store.takeDueEvents(BATCH_MAX, isEmpty)
        if (refs.length > 0) await queue.publishDeliver(refs)
        return refs.length
      })
    },
    publishDueDeliveries: async () => {
      const isEmpty = await queue.isDispatchQueueEmpty()
      return runBatches(BATCHES_MAX, BATCH_MAX, async () => {
        const refs = await store.takeDueDeliveries(BATCH_MAX, isEmpty)
        if (refs.length > 0) await queue.publishDispatch(refs)
        return refs.length
      })
    },
    prune: async () => {
      const steps = [store.pruneEvents, store.pruneIdempotencyKeys, store.pruneDispatchers, store.pruneOrphans]
      let removed = 0
      for (const step of steps)
        removed += await runBatches(PRUNE_BATCHES_MAX, PRUNE_BATCH_MAX, () => step(PRUNE_BATCH_MAX))
      return removed
    },
  }
}

async function runBatches(batchesMax: number, full: number, runBatch: () => Promise<number>): Promise<number> {
  let total = 0
  for (let batch = 0; batch < batchesMax; batch++) {
    const count = await runBatch()
    total += count
    if (count < full) break
  }
  return total
}
