import {
  type EndReason,
  type NextStep,
  SignalboxError,
  type AttemptRecord,
  type ClaimedRow,
  type DeliveryRef,
  type DispatchTarget,
  type EventBody,
} from '@signalbox/domain'
import { asStorageError } from './as-storage-error.js'
import type { Database } from './create-database.js'
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
  accepted_at: Date
  event_id: string
  name: string
  source: string
  timestamp: Date
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
      const ids = sorted.map((ref) => ref.deliveryId)
      const counts = sorted.map((ref) => ref.attemptCount)
      const organizationIds = sorted.map((ref) => ref.organizationId)
      const values = [organizationIds, ids, counts, leaseMs, EAGER_BODY_BYTES_MAX]
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
      const query = {
        name: 'record-attempts',
        text: recordAttemptsSql,
        values: [JSON.stringify(records.map(toRecordRow))],
      }
      const { rows } = await asStorageError(() => pool.query<{ id: string }>(query))
      if (rows.length === records.length) return records.map(() => true)
      const recorded = new Set(rows.map((row) => row.id))
      return records.map((record) => recorded.has(record.delivery.deliveryId))
    },

    /** Back to pending, no attempt counted: claimed ones by their lease, others as pending. Gives the ids moved. */
    async parkDeliveries(refs: DeliveryRef[], claimed: ClaimedRow[], delayMs: number): Promise<string[]> {
      const guards = [...refs.map((ref) => toGuardRow(ref, null)), ...claimed.map((row) => toGuardRow(row, row.lease))]
      const values = [JSON.stringify(guards), delayMs]
      const { rows } = await asStorageError(() => pool.query<{ id: string }>(parkDeliveriesSql, values))
      return rows.map((row) => row.id)
    },

    async skipDeliveries(refs: DeliveryRef[], reason: EndReason): Promise<void> {
      const rows = refs.map((ref) => toGuardRow(ref, null))
      await asStorageError(() => pool.query(skipDeliveriesSql, [JSON.stringify(rows), reason]))
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
    acceptedAt: row.accepted_at,
    eventId: row.event_id,
    name: row.name,
    source: row.source,
    timestamp: row.timestamp,
    body: row.payload === null || row.context === null ? null : { payload: row.payload, context: row.context },
    accountIdentifier: row.account_identifier,
    traceParent: row.trace_parent,
  }
}

function toGuardRow(ref: DeliveryRef, lease: string | null): object {
  return { o: ref.organizationId, i: ref.deliveryId, n: ref.attemptCount, l: lease }
}

function toRecordRow({ delivery, startedAt, reading, step }: AttemptRecord): object {
  return {
    o: delivery.organizationId,
    i: delivery.deliveryId,
    l: delivery.lease,
    n: delivery.attemptCount + 1,
    s: stateAfter(step),
    w: step.kind === 'retry' ? step.delayMs : 0,
    y: step.kind === 'discard' ? step.reason : null,
    at: startedAt,
    ms: Math.round(reading.durationMs),
    out: reading.outcome,
    st: reading.status,
    h: reading.responseHeaders,
    b: reading.responseBody,
    ec: reading.errorCode,
    ed: reading.errorDetail,
    ad: reading.address,
  }
}

function stateAfter(step: NextStep): string {
  if (step.kind === 'complete') return 'succeeded'
  if (step.kind === 'retry') return 'pending'
  if (step.kind === 'discard') return 'dead'
  throw new SignalboxError('integrity', 'expected a step that is known')
}
