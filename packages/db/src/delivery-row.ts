import type { DeliveryState, Json, JsonObject } from '@signalbox/domain'

/** A delivery in a list. */
export interface ListedDelivery {
  id: string
  /** The caller's id of the event. */
  eventId: string
  eventName: string
  dispatcherId: string
  /** For webhooks. */
  endpointId: string | null
  state: DeliveryState
  attemptCount: number
  nextAttemptAt: Date | null
  reason: string | null
  lastError: string | null
  lastStatus: number | null
  settledAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** One try at a delivery. */
export interface StoredAttempt {
  number: number
  startedAt: Date
  durationMs: number
  outcome: string
  responseStatus: number | null
  responseHeaders: JsonObject | null
  responseBody: string | null
  errorCode: string | null
  errorDetail: string | null
  address: string | null
}

/** A delivery with its attempts, oldest first. */
export type DeliveryWithAttempts = ListedDelivery & { attempts: StoredAttempt[] }

/** The webhook endpoint that a dispatchable names. */
export function findEndpointId(dispatchable: Json): string | null {
  if (typeof dispatchable !== 'object' || dispatchable === null || Array.isArray(dispatchable)) return null
  const { type, id } = dispatchable
  return type === 'WEBHOOK' && typeof id === 'string' ? id : null
}
