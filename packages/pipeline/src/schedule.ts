import type { DeliveryRef, EventRef, QueueState } from '@signalbox/domain'
import type { DeliverQueue } from './accept-events.js'
import type { DispatchQueue } from './deliver-events.js'

/** Finds due work that nobody has taken, in bounded batches, and moves the moment at which it is looked at again. */
export interface ScheduleStore {
  /**
   * Events whose time has come, and those whose queue job must be lost: that of an event published after the oldest
   * waiting job is still ahead in the queue.
   */
  takeDueEvents(limit: number, queue: QueueState): Promise<EventRef[]>
  /** The same of deliveries, and claims whose lease ran out (→ pending); with how many were looked at for that. */
  takeDueDeliveries(limit: number, queue: QueueState): Promise<{ refs: DeliveryRef[]; looked: number }>
}

/** What pruning did, and whether there may be more to do at once. */
export interface PruneOutcome {
  removed: number
  isMore: boolean
}

/** Removes what has outlived its environment's retention. Each call is one small batch. */
export interface PruneStore {
  pruneEvents(limit: number): Promise<PruneOutcome>
  pruneIdempotencyKeys(limit: number): Promise<PruneOutcome>
  pruneDispatchers(limit: number): Promise<PruneOutcome>
  pruneOrphans(limit: number): Promise<PruneOutcome>
}

/** Tells what a queue holds. Throws when Redis is away. */
export interface QueueProbe {
  probeDeliverQueue(): Promise<QueueState>
  probeDispatchQueue(): Promise<QueueState>
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
  prune: () => Promise<PruneOutcome>
} {
  const { store, queue } = deps
  return {
    publishDueEvents: async () => {
      const state = await queue.probeDeliverQueue()
      let published = 0
      for (let batch = 0; batch < BATCHES_MAX; batch++) {
        const refs = await store.takeDueEvents(BATCH_MAX, state)
        if (refs.length > 0) await queue.publishDeliver(refs)
        published += refs.length
        if (refs.length < BATCH_MAX) break
      }
      return published
    },
    publishDueDeliveries: async () => {
      const state = await queue.probeDispatchQueue()
      let published = 0
      for (let batch = 0; batch < BATCHES_MAX; batch++) {
        const { refs, looked } = await store.takeDueDeliveries(BATCH_MAX, state)
        if (refs.length > 0) await queue.publishDispatch(refs)
        published += refs.length
        // What was looked at need not be due: the next may be.
        if (looked < BATCH_MAX) break
      }
      return published
    },
    prune: async () => {
      const total: PruneOutcome = { removed: 0, isMore: false }
      for (const step of [store.pruneEvents, store.pruneIdempotencyKeys, store.pruneDispatchers, store.pruneOrphans]) {
        const { removed, isMore } = await pruneInBatches(step)
        total.removed += removed
        total.isMore ||= isMore
      }
      return total
    },
  }
}

async function pruneInBatches(step: (limit: number) => Promise<PruneOutcome>): Promise<PruneOutcome> {
  const total: PruneOutcome = { removed: 0, isMore: true }
  for (let batch = 0; batch < PRUNE_BATCHES_MAX && total.isMore; batch++) {
    const { removed, isMore } = await step(PRUNE_BATCH_MAX)
    total.removed += removed
    total.isMore = isMore
  }
  return total
}
