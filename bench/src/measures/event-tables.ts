import type pg from 'pg'
import { waitUntil } from './wait-until.js'

const DELIVER_TIMEOUT_MS = 120_000
const DELIVER_POLL_MS = 50
const DEADLOCK = '40P01'
const TRUNCATE_TRIES_MAX = 10

/** Events that are stored. */
export async function countEvents(pool: pg.Pool): Promise<number> {
  return readCount(pool, 'select count(*)::int as count from event_records')
}

/** Deliveries that succeeded, and the attempts that are recorded for them. */
export async function countSucceeded(pool: pg.Pool): Promise<{ deliveries: number; attempts: number }> {
  const deliveries = await readCount(pool, `select count(*)::int as count from deliveries where state = 'succeeded'`)
  const attempts = await readCount(
    pool,
    `select count(*)::int as count from all_delivery_attempts where outcome = 'succeeded'`,
  )
  return { deliveries, attempts }
}

/** Waits until every event was matched and its deliveries written. */
export async function waitUntilMatched(pool: pg.Pool): Promise<void> {
  await waitUntil(
    async () =>
      (await readCount(pool, 'select count(*)::int as count from (select from event_outbox limit 1) r')) === 0,
    { what: 'matching the events', timeoutMs: DELIVER_TIMEOUT_MS, pollMs: DELIVER_POLL_MS },
  )
}

/** Empties the tables of events and deliveries, so that every round meets the same. Nothing may be under way. */
export async function emptyTables(pool: pg.Pool): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await pool.query('truncate event_records, event_outbox, delivery_outbox cascade')
      break
    } catch (error) {
      // The scheduler looks at the same tables in another order; one of the two has to give way.
      if ((error as { code?: string }).code !== DEADLOCK || tries === TRUNCATE_TRIES_MAX) throw error
    }
  }
  // So that no round pays for the pages that the one before it left to be written. A server of somebody else may refuse.
  await pool.query('checkpoint').catch(() => undefined)
}

async function readCount(pool: pg.Pool, query: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(query)
  return rows[0]?.count ?? 0
}
