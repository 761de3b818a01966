import {
  type EndReason,
  type NextStep,
  SignalboxError,
  type AttemptRecord,
  type ClaimedRow,
  type DeliveryRef,
  type DispatchTarget,
  type EventBody,
  type PutOff,
} from '@signalbox/domain'
import { asStorageError } from './as-storage-error.js'
import type { Database } from './create-database.js'
import { encodeArray } from './encode-array.js'
import { loadTarget } from './load-target.js'
import type { SecretBox } from './secret-box.js'
import {
  claimDeliveriesSql,
  loadBodySql,
  parkDeliveriesSql,
  recordAttemptsSql,
  skipDeliveriesSql,
} from './sql/dispatch-deliveries.js'

interface ClaimedColumns {
  id: string
  environment_id: string
  dispatcher_id: string
  attempt_count: number
  attempt_offset: number
  lease: string
  accepted_ms: number
  event_id: string
  name: string
  source: string
  timestamp_ms: number
  payload: string | null
  context: string | null
  account_identifier: string | null
  trace_parent: string | null
}

/** Bytes of a body over which it is loaded only when its turn comes: what bounds memory when every event is large. */
const EAGER_BODY_BYTES_MAX = 32 * 1024

/** Claims deliveries and records what became of them, guarded by state and lease. Throws `storage_unavailable`. */
export function createDispatchStore({ pool, prisma }: Database, secretBox: SecretBox) {
  return {
    async loadTarget(organizationId: string, dispatcherId: string): Promise<DispatchTarget | undefined> {
      return asStorageError(() => loadTarget({ pool, secretBox }, organizationId, dispatcherId))
    },

    async claimDeliveries(refs: DeliveryRef[], leaseMs: number): Promise<ClaimedRow[]> {
      const [first] = refs
      if (first === undefined) return []
      // In one order for all workers: two with the same deliveries in another order would lock each other out.
      const sorted = refs.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1))
      const values = [
        encodeArray.uuid(sorted.map((ref) => ref.organizationId)),
        encodeArray.uuid(sorted.map((ref) => ref.deliveryId)),
        encodeArray.integer(sorted.map((ref) => ref.attemptCount)),
        leaseMs,
        EAGER_BODY_BYTES_MAX,
      ]
      const query = { name: 'claim-deliveries', text: claimDeliveriesSql, values }
      const { rows } = await asStorageError(() => pool.query<ClaimedColumns>(query))
      return rows.map((row) => toClaimed(first.organizationId, row))
    },

    async loadBody(delivery: ClaimedRow): Promise<EventBody | undefined> {
      const values = [delivery.organizationId, delivery.deliveryId]
      const { rows } = await asStorageError(() => pool.query<EventBody>(loadBodySql, values))
      return rows[0]
    },

    /** Gives, for each record, whether its claim still held and it was recorded. */
    async recordAttempts(records: AttemptRecord[]): Promise<boolean[]> {
      const query = { name: 'record-attempts', text: recordAttemptsSql, values: toRecordColumns(records) }
      const { rows } = await asStorageError(() => pool.query<{ recorded: number; ids: string[] | null }>(query))
      const [outcome] = rows
      if (outcome?.recorded === records.length) return records.map(() => true)
      const recorded = new Set(outcome?.ids ?? [])
      return records.map((record) => recorded.has(record.delivery.deliveryId))
    },

    /** Back to pending, no attempt counted: claimed ones by their lease, others as pending. Gives the ids moved. */
    async parkDeliveries(deliveries: PutOff[]): Promise<string[]> {
      const guards = toGuards(deliveries.map((one) => ({ ...toGuardRow(one, one.lease), w: one.delayMs })))
      const { rows } = await asStorageError(() => pool.query<{ id: string }>(parkDeliveriesSql, [guards]))
      return rows.map((row) => row.id)
    },

    async skipDeliveries(refs: DeliveryRef[], reason: EndReason): Promise<void> {
      const rows = refs.map((ref) => toGuardRow(ref, null))
      await asStorageError(() => pool.query(skipDeliveriesSql, [toGuards(rows), reason]))
    },

    async disableEndpoint(scope: { organizationId: string; endpointId: string }, reason: string): Promise<void> {
      await asStorageError(() =>
        prisma.webhookEndpoint.updateMany({
          where: { organizationId: scope.organizationId, id: scope.endpointId, enabled: true },
          data: { enabled: false, disabledReason: reason },
        }),
      )
    },
  }
}

function toClaimed(organizationId: string, row: ClaimedColumns): ClaimedRow {
  return {
    organizationId,
    environmentId: row.environment_id,
    deliveryId: row.id,
    dispatcherId: row.dispatcher_id,
    attemptCount: row.attempt_count,
    attemptOffset: row.attempt_offset,
    lease: row.lease,
    acceptedAt: toDate(row.accepted_ms),
    eventId: row.event_id,
    name: row.name,
    source: row.source,
    timestamp: toDate(row.timestamp_ms),
    body: row.payload === null || row.context === null ? null : { payload: row.payload, context: row.context },
    accountIdentifier: row.account_identifier,
    traceParent: row.trace_parent,
  }
}

// What Postgres multiplies may lack the last bit of a whole millisecond; what is behind the point is cut off, as elsewhere.
function toDate(ms: number): Date {
  return new Date(Math.floor(ms + 0.001))
}

interface GuardRow {
  o: string
  i: string
  n: number
  l: string | null
}

function toGuardRow(ref: DeliveryRef, lease: string | null): GuardRow {
  return { o: ref.organizationId, i: ref.deliveryId, n: ref.attemptCount, l: lease }
}

// In the order in which deliveries are claimed.
function toGuards(rows: GuardRow[]): string {
  return JSON.stringify(rows.toSorted((a, b) => (a.i < b.i ? -1 : 1)))
}

// In the order of the statement's parameters.
function toRecordColumns(records: AttemptRecord[]): Buffer[] {
  const deliveries = records.map((record) => record.delivery)
  const readings = records.map((record) => record.reading)
  const steps = records.map((record) => record.step)
  return [
    encodeArray.uuid(deliveries.map((delivery) => delivery.organizationId)),
    encodeArray.uuid(deliveries.map((delivery) => delivery.deliveryId)),
    encodeArray.text(deliveries.map((delivery) => delivery.lease)),
    encodeArray.integer(deliveries.map((delivery) => delivery.attemptCount + 1)),
    encodeArray.text(steps.map(stateAfter)),
    encodeArray.integer(steps.map((step) => (step.kind === 'retry' ? step.delayMs : 0))),
    encodeArray.text(steps.map((step) => (step.kind === 'discard' ? step.reason : null))),
    encodeArray.timestamptz(records.map((record) => record.startedAt)),
    encodeArray.integer(readings.map((reading) => Math.round(reading.durationMs))),
    encodeArray.text(readings.map((reading) => reading.outcome)),
    encodeArray.integer(readings.map((reading) => reading.status)),
    encodeArray.jsonb(readings.map(({ responseHeaders: kept }) => (kept === undefined ? null : JSON.stringify(kept)))),
    encodeArray.text(readings.map((reading) => reading.responseBody)),
    encodeArray.text(readings.map((reading) => reading.errorCode)),
    encodeArray.text(readings.map((reading) => reading.errorDetail)),
    encodeArray.text(readings.map((reading) => reading.address)),
  ]
}

function stateAfter(step: NextStep): string {
  if (step.kind === 'complete') return 'succeeded'
  if (step.kind === 'retry') return 'pending'
  if (step.kind === 'discard') return 'dead'
  throw new SignalboxError('integrity', 'expected a step that is known')
}
