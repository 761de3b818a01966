import type { DeliveryRef, EventBody } from './delivering.js'
import type { AttemptReading, NextStep, RetryPolicy } from './retry-policy.js'

/** A claimed delivery with all of its event that goes out. JSON columns are text and stay text. */
export interface ClaimedDelivery {
  organizationId: string
  environmentId: string
  deliveryId: string
  dispatcherId: string
  /** Attempts before this one. */
  attemptCount: number
  /** Attempts before the present run: a replay starts a new run. */
  attemptOffset: number
  /** Stands for this claim: an attempt is recorded only while it holds. */
  lease: string
  acceptedAt: Date
  eventId: string
  name: string
  source: string
  timestamp: Date
  body: EventBody
  accountIdentifier: string | null
  traceParent: string | null
}

/** What a dispatcher invokes, loaded with each queue job, its secrets opened. */
export interface DispatchTarget {
  type: string
  /** Deliveries of one lane share its places: an endpoint's, or a dispatcher's own. */
  laneKey: string
  environmentId: string
  /** Why nothing is to be sent: the dispatcher or its endpoint was disabled or removed, or a secret can't be read. */
  skipReason: 'dispatcher_disabled' | 'endpoint_disabled' | 'secret_unreadable' | null
  endpointId: string | null
  url: string
  method: 'POST' | 'PUT' | 'PATCH'
  headers: Record<string, string>
  /** Standard Webhooks signing secrets that are valid now, newest first. */
  secrets: string[]
  timeoutMs: number
  concurrency: number
  deliveriesInFlightMax: number
  retryPolicy: RetryPolicy
}

/** A claimed delivery as the store gives it: a large body is left out, to be loaded when its turn comes. */
export type ClaimedRow = Omit<ClaimedDelivery, 'body'> & { body: EventBody | null }

/** A delivery that is put off: pending, or claimed by the lease. */
export interface PutOff extends DeliveryRef {
  lease: string | null
  /** Until it is due again. */
  delayMs: number
}

/** A finished attempt and what follows from it, to be recorded while the claim holds. */
export interface AttemptRecord {
  delivery: ClaimedRow
  startedAt: Date
  reading: AttemptReading
  step: NextStep
}
