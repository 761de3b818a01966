import { type DeliveryRef, firstIdAt, type QueueState } from '@signalbox/domain'
import type pg from 'pg'
import { asStorageError } from './as-storage-error.js'
import { REPUBLISH_AFTER_S } from './accept-store.js'
import type { Database } from './create-database.js'
import { WAKE_AFTER_S } from './deliver-store.js'
import {
  endExpiredDispatchersSql,
  listRetentionSql,
  pruneDeliveryOrphansSql,
  pruneEventOrphansSql,
  pruneEventsSql,
  pruneIdempotencyKeysSql,
} from './sql/prune.js'
import { measureBacklogSql, takeDueDeliveriesSql, takeDueEventsSql } from './sql/schedule.js'

const DAY_MS = 86_400_000
const ENVIRONMENTS_PAGE = 500
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

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

/** Finds due work in bounded batches, and removes what is old. Throws `storage_unavailable`. */
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

    /** One batch of at most `limit` events, over all environments in turn. */
    pruneEvents: (limit: number): Promise<number> => asStorageError(() => pruneEvents(pool, limit)),

    async pruneIdempotencyKeys(limit: number): Promise<number> {
      const result = await asStorageError(() => pool.query(pruneIdempotencyKeysSql, [limit]))
      return result.rowCount ?? 0
    },

    async pruneOrphans(limit: number): Promise<number> {
      return asStorageError(async () => {
        const events = await pool.query(pruneEventOrphansSql, [limit])
        const deliveries = await pool.query(pruneDeliveryOrphansSql, [limit])
        return Math.max(events.rowCount ?? 0, deliveries.rowCount ?? 0)
      })
    },

    async pruneDispatchers(limit: number): Promise<number> {
      const result = await asStorageError(() => pool.query(endExpiredDispatchersSql, [limit]))
      return result.rowCount ?? 0
    },
  }
}

async function pruneEvents(pool: pg.Pool, limit: number): Promise<number> {
  let removed = 0
  let after: [string, string] = [FIRST_ID, FIRST_ID]
  for (;;) {
    const { rows } = await pool.query<{ organization_id: string; id: string; retention_days: number }>(
      listRetentionSql,
      [...after, ENVIRONMENTS_PAGE],
    )
    for (const row of rows) {
      const firstKept = firstIdAt(new Date(Date.now() - row.retention_days * DAY_MS))
      const result = await pool.query(pruneEventsSql, [row.organization_id, row.id, firstKept, limit - removed])
      removed += result.rowCount ?? 0
      if (removed >= limit) return removed
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < ENVIRONMENTS_PAGE) return removed
    after = [last.organization_id, last.id]
  }
}
