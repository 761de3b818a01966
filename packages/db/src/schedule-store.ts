import type { DeliveryRef, QueueState } from '@signalbox/domain'
import { asStorageError } from './as-storage-error.js'
import { REPUBLISH_AFTER_S } from './accept-store.js'
import type { Database } from './create-database.js'
import { WAKE_AFTER_S } from './deliver-store.js'
import { measureBacklogSql, takeDueDeliveriesSql, takeDueEventsSql } from './sql/schedule.js'

/** The backlog is counted up to here: past it, the number alone says enough. */
const BACKLOG_COUNT_MAX = 100_000

/** What is due and not done. */
export interface Backlog {
  events: number
  eventsOldestSeconds: number
  deliveries: number
}

type DueDeliveryRow = { looked: number } & (
  | { delivery_id: null }
  | { organization_id: string; delivery_id: string; dispatcher_id: string; attempt_count: number }
)

function toDeliveryRef(row: Exclude<DueDeliveryRow, { delivery_id: null }>): DeliveryRef {
  return {
    organizationId: row.organization_id,
    deliveryId: row.delivery_id,
    dispatcherId: row.dispatcher_id,
    attemptCount: row.attempt_count,
  }
}

/** Finds due work in bounded batches. Throws `storage_unavailable`. */
export function createScheduleStore({ pool }: Pick<Database, 'pool'>) {
  return {
    async takeDueEvents(limit: number, queue: QueueState) {
      const query = {
        name: 'take-due-events',
        text: takeDueEventsSql,
        values: [limit, REPUBLISH_AFTER_S, queue.isEmpty, queue.oldestWaitingAt ?? null],
      }
      const { rows } = await asStorageError(() =>
        pool.query<{ organization_id: string; event_record_id: string }>(query),
      )
      return rows.map((row) => ({ organizationId: row.organization_id, eventRecordId: row.event_record_id }))
    },

    async takeDueDeliveries(limit: number, queue: QueueState): Promise<{ refs: DeliveryRef[]; looked: number }> {
      const query = {
        name: 'take-due-deliveries',
        text: takeDueDeliveriesSql,
        values: [limit, WAKE_AFTER_S, queue.isEmpty, queue.oldestWaitingAt ?? null],
      }
      const { rows } = await asStorageError(() => pool.query<DueDeliveryRow>(query))
      const refs = rows.flatMap((row) => (row.delivery_id === null ? [] : [toDeliveryRef(row)]))
      return { refs, looked: rows[0]?.looked ?? 0 }
    },

    async measureBacklog(): Promise<Backlog> {
      const { rows } = await asStorageError(() =>
        pool.query<{ events: number; events_oldest_s: number | null; deliveries: number }>(measureBacklogSql, [
          BACKLOG_COUNT_MAX,
          REPUBLISH_AFTER_S,
        ]),
      )
      const [row] = rows
      return {
        events: row?.events ?? 0,
        eventsOldestSeconds: row?.events_oldest_s ?? 0,
        deliveries: row?.deliveries ?? 0,
      }
    },
  }
}
