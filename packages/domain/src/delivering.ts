import type { TenantScope } from './environment.js'
import type { EventEnvelope, MatchableEvent } from './matcher/index.js'

/**
 * Deliveries that one statement writes, starts or removes, far from the time that the server gives it; and that are in memory
 * at one time, for a group of events may have many times as many as it has events. An event that goes to more is written
 * alone, in parts.
 */
export const DELIVERIES_OF_STATEMENT_MAX = 5_000

/** An accepted event that is due and not delivered yet, without its payload and context. */
export interface UndeliveredEvent
  extends TenantScope, Pick<MatchableEvent, 'name' | 'source' | 'externalAccountId' | 'payloadType'> {
  eventRecordId: string
  /** Version of the environment's dispatchers, read in the same snapshot as the event. */
  dispatcherSetVersion: string
  /** Deliveries that the event may have. */
  fanoutMax: number
}

/** Payload and context of an event as JSON text. */
export interface EventBody {
  payload: string
  context: string
}

/** All that filters look at. */
export interface MatchableBody extends EventBody, EventEnvelope {}

/** One delivery to be written, pending. */
export interface NewDelivery {
  id: string
  eventRecordId: string
  dispatcherId: string
  /** The dispatcher takes one event only: the delivery is written only by the transaction that uses it up. */
  once: boolean
}

/** What was decided for one event. A failure sets the event aside with its reason. */
export interface DeliverDecision extends TenantScope {
  eventRecordId: string
  deliveries: NewDelivery[]
  /**
   * The next ones beyond the fan-out, written in the place of deliveries to dispatchers that turn out to be used up; absent
   * when no delivery can turn out so.
   */
  spares?: NewDelivery[]
  /** Dispatchers that wanted the event beyond its fan-out, and get no delivery. */
  fanoutLimited: number
  failure: string | null
}

/** A pending delivery by our ids, and how many attempts it has had: all that a queue job carries. */
export interface DeliveryRef {
  organizationId: string
  dispatcherId: string
  deliveryId: string
  attemptCount: number
}

/** What was found in a queue: whether it holds anything to be worked on now, and since when its oldest job waits. */
export interface QueueState {
  isEmpty: boolean
  oldestWaitingAt?: Date | undefined
}
