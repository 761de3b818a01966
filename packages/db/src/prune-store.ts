import { DELIVERIES_OF_STATEMENT_MAX, firstIdAt } from '@signalbox/domain'
import type pg from 'pg'
import { asStorageError } from './as-storage-error.js'
import type { Database } from './create-database.js'
import {
  endExpiredDispatchersSql,
  listRetentionSql,
  pruneDeletedSql,
  pruneDeliveryOrphansSql,
  pruneEventOrphansSql,
  pruneEventsSql,
  pruneIdempotencyKeysSql,
} from './sql/prune.js'

const DAY_MS = 86_400_000

/** Environments of one batch: each costs a look, also when nothing of it is old. */
const ENVIRONMENTS_PAGE = 200

const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** What one batch did, and whether there may be more to do at once. */
export interface PruneOutcome {
  removed: number
  isMore: boolean
}

/**
 * Removes what has outlived its environment's retention. Each call is one small batch of at most about `limit` rows.
 * Environments have their turn one after another, over all calls: none with much to remove keeps the others waiting.
 * Throws `storage_unavailable`.
 */
export function createPruneStore({ pool }: Pick<Database, 'pool'>) {
  const walkForEvents = createWalk(pool)
  const walkForDeleted = createWalk(pool)
  const runBatch = async (text: string, limit: number): Promise<PruneOutcome> => {
    const removed = (await pool.query(text, [limit])).rowCount ?? 0
    return { removed, isMore: removed >= limit }
  }
  return {
    pruneEvents: (limit: number): Promise<PruneOutcome> =>
      asStorageError(() => walkForEvents(limit, (environment, rows) => pruneEvents(pool, environment, rows))),

    pruneIdempotencyKeys: (limit: number): Promise<PruneOutcome> =>
      asStorageError(() => runBatch(pruneIdempotencyKeysSql, limit)),

    /** Ends ephemeral dispatchers that ran out; removes dispatchers and endpoints that were deleted long ago. */
    pruneDispatchers: (limit: number): Promise<PruneOutcome> =>
      asStorageError(async () =>
        addUp(
          await runBatch(endExpiredDispatchersSql, limit),
          await walkForDeleted(limit, (environment, rows) => pruneDeleted(pool, environment, rows)),
        ),
      ),

    /** Outbox rows whose event or delivery went away with its environment. */
    pruneOrphans: (limit: number): Promise<PruneOutcome> =>
      asStorageError(async () =>
        addUp(await runBatch(pruneEventOrphansSql, limit), await runBatch(pruneDeliveryOrphansSql, limit)),
      ),
  }
}

function addUp(one: PruneOutcome, other: PruneOutcome): PruneOutcome {
  return { removed: one.removed + other.removed, isMore: one.isMore || other.isMore }
}

interface RetentionRow {
  organization_id: string
  id: string
  retention_days: number
}

type PruneEnvironment = (environment: RetentionRow, limit: number) => Promise<PruneOutcome>

/** Goes through all environments, a page in each call, and begins again behind the last. */
function createWalk(pool: pg.Pool): (limit: number, prune: PruneEnvironment) => Promise<PruneOutcome> {
  let after: [string, string] = [FIRST_ID, FIRST_ID]
  let isMoreOfRound = false
  return async (limit, prune) => {
    const { rows } = await pool.query<RetentionRow>(listRetentionSql, [...after, ENVIRONMENTS_PAGE])
    let removed = 0
    for (const row of rows) {
      // Moved on first: an environment that fails has the others' next turns before its own.
      after = [row.organization_id, row.id]
      const outcome = await prune(row, limit - removed)
      removed += outcome.removed
      isMoreOfRound ||= outcome.isMore
      if (removed >= limit) return { removed, isMore: true }
    }
    if (rows.length === ENVIRONMENTS_PAGE) return { removed, isMore: true }
    const isMore = isMoreOfRound
    after = [FIRST_ID, FIRST_ID]
    isMoreOfRound = false
    return { removed, isMore }
  }
}

function endOfRetention(environment: RetentionRow): Date {
  return new Date(Date.now() - environment.retention_days * DAY_MS)
}

async function pruneEvents(pool: pg.Pool, environment: RetentionRow, limit: number): Promise<PruneOutcome> {
  const firstKept = firstIdAt(endOfRetention(environment))
  const { organization_id, id } = environment
  const values = [organization_id, id, firstKept, limit, DELIVERIES_OF_STATEMENT_MAX]
  const { rows } = await pool.query<{ removed: number; found: number }>(pruneEventsSql, values)
  const { removed = 0, found = 0 } = rows[0] ?? {}
  return { removed, isMore: removed < found || found >= limit }
}

async function pruneDeleted(pool: pg.Pool, environment: RetentionRow, limit: number): Promise<PruneOutcome> {
  const values = [environment.organization_id, environment.id, endOfRetention(environment), limit]
  const { rows } = await pool.query<{ dispatchers: number; endpoints: number }>(pruneDeletedSql, values)
  const { dispatchers = 0, endpoints = 0 } = rows[0] ?? {}
  return { removed: dispatchers + endpoints, isMore: dispatchers >= limit || endpoints >= limit }
}
