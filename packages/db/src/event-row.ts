import { type AcceptedEvent, type EventState, findOwnProperty, type Json, type PayloadType } from '@signalbox/domain'

/** An event as it is stored, with the caller's id and ours. */
export interface StoredEventRecord extends AcceptedEvent {
  recordId: string
  source: string
  payloadType: PayloadType
  externalAccountId: string | null
  /** The tenant's identifier of the account; null also when the account was deleted. */
  accountIdentifier: string | null
  /** The identifier that the event named when there was no such account. */
  unknownAccountId: string | null
  orderingKey: string | null
  state: EventState
  failureReason: string | null
  matchedCount: number | null
  /** Dispatchers that wanted it beyond the fan-out of its environment, and got no delivery. */
  fanoutLimited: number
  isTest: boolean
  createdAt: Date
  updatedAt: Date
}

/** A row of `event_records`. */
export interface EventRow {
  id: string
  event_id: string
  name: string
  source: string
  timestamp: Date
  payload: Json
  payload_type: PayloadType
  context: Json
  source_context: Json
  external_account_id: string | null
  account_identifier: string | null
  ordering_key: string | null
  deliver_at: Date
  delivered_at: Date | null
  cancelled_at: Date | null
  failed_at: Date | null
  failure_reason: string | null
  matched_count: number | null
  fanout_limited: number | null
  is_test: boolean
  created_at: Date
  updated_at: Date
}

/** Reads a row; `now` parts what is scheduled from what is pending. */
export function toEventRecord(row: EventRow, now: Date): StoredEventRecord {
  return {
    recordId: row.id,
    eventId: row.event_id,
    name: row.name,
    source: row.source,
    timestamp: row.timestamp,
    payload: row.payload,
    payloadType: row.payload_type,
    context: row.context,
    externalAccountId: row.external_account_id,
    accountIdentifier: row.external_account_id === null ? null : row.account_identifier,
    unknownAccountId: toUnknownAccountId(row.source_context),
    orderingKey: row.ordering_key,
    deliverAt: row.deliver_at,
    deliveredAt: row.delivered_at,
    cancelledAt: row.cancelled_at,
    state: toState(row, now),
    failureReason: row.failure_reason,
    matchedCount: row.matched_count,
    fanoutLimited: row.fanout_limited ?? 0,
    isTest: row.is_test,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** The same states as conditions on a row named r; the order of {@link toState} is in them. */
export const EVENT_STATE_CONDITIONS: Readonly<Record<EventState, string>> = {
  cancelled: 'r.cancelled_at is not null',
  failed: 'r.cancelled_at is null and r.failed_at is not null',
  delivered: 'r.cancelled_at is null and r.failed_at is null and r.delivered_at is not null',
  scheduled: `r.cancelled_at is null and r.failed_at is null and r.delivered_at is null and r.deliver_at > now()`,
  pending: `r.cancelled_at is null and r.failed_at is null and r.delivered_at is null and r.deliver_at <= now()`,
}

function toUnknownAccountId(sourceContext: Json): string | null {
  const id = findOwnProperty(sourceContext, 'unknownAccountId')
  return typeof id === 'string' ? id : null
}

function toState(row: EventRow, now: Date): EventState {
  if (row.cancelled_at !== null) return 'cancelled'
  if (row.failed_at !== null) return 'failed'
  if (row.delivered_at !== null) return 'delivered'
  return row.deliver_at > now ? 'scheduled' : 'pending'
}
