import type { DeliveryState, JsonObject } from '@signalbox/domain'
import type { StoredAttempt } from './delivery-row.js'
import type { EventDelivery } from './event-store.js'

/** A row of `deliveries` with its dispatchable and its attempts as JSON. */
export interface EventDeliveryRow {
  id: string
  dispatcher_id: string
  dispatchable_type: string
  dispatchable_id: string
  state: DeliveryState
  attempt_count: number
  next_attempt_at: Date | null
  reason: string | null
  last_error: string | null
  last_status: number | null
  settled_at: Date | null
  created_at: Date
  updated_at: Date
  attempts: AttemptJson[]
}

interface AttemptJson {
  number: number
  started_at: string
  duration_ms: number
  outcome: string
  response_status: number | null
  response_headers: JsonObject | null
  response_body: string | null
  error_code: string | null
  error_detail: string | null
  address: string | null
}

/** Reads a row. */
export function toEventDelivery(row: EventDeliveryRow): EventDelivery {
  return {
    id: row.id,
    dispatcherId: row.dispatcher_id,
    dispatchable: { type: row.dispatchable_type, id: row.dispatchable_id },
    state: row.state,
    attemptCount: row.attempt_count,
    nextAttemptAt: row.next_attempt_at,
    reason: row.reason,
    lastError: row.last_error,
    lastStatus: row.last_status,
    settledAt: row.settled_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    attempts: row.attempts.map(toAttempt),
  }
}

function toAttempt(json: AttemptJson): StoredAttempt {
  return {
    number: json.number,
    startedAt: new Date(json.started_at),
    durationMs: json.duration_ms,
    outcome: json.outcome,
    responseStatus: json.response_status,
    responseHeaders: json.response_headers,
    responseBody: json.response_body,
    errorCode: json.error_code,
    errorDetail: json.error_detail,
    address: json.address,
  }
}
