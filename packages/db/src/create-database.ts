import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/client.js'

/** Time to get a connection, from the pool or from the server; past it the database counts as away. */
const CONNECTION_TIMEOUT_MS = 3_000

/** Time that the server gives one statement. Nothing that a request or a worker does may hold a connection for longer. */
const STATEMENT_TIMEOUT_MS = 15_000

/** How much longer we wait for an answer than the server works on it: the server is gone without a word then. */
const ANSWER_MARGIN_MS = 2_000

/** An idle connection is closed after this long, so that a pool grown by a peak shrinks again. */
const IDLE_TIMEOUT_MS = 60_000

/**
 * Prisma ends a transaction that takes too long beside whatever statement is under way, and what of a multi-statement
 * step comes after would then be on its own. So each statement has its own, shorter time, after which all is rolled
 * back, and this is never reached: no transaction of ours has this many statements.
 */
const TRANSACTION_STATEMENTS_MAX = 10

/** Connections of one process, when it does not say otherwise. */
const POOL_MAX = 10

/**
 * Every statement of ours has its index. A plan made while a table is small may read the whole of it instead, and a
 * connection keeps such a plan (its own prepared statements' and those of foreign keys) while the table grows to
 * millions of rows. Compiling plans to machine code takes longer than they run, and planning a hot statement anew takes
 * longer than running it for one event.
 */
const SESSION_OPTIONS = '-c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan'

/** How to reach Postgres, and the bounds of doing so. */
export interface DatabaseOptions {
  url: string
  poolMax?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
  connectionTimeoutMs?: number
  statementTimeoutMs?: number
  /** Told of an idle connection that died; the pool replaces it by itself. */
  onIdleError?: (error: Error) => void
}

/** One pool of connections, shared by the hot paths' SQL (`pool`) and by Prisma (`prisma`). */
export interface Database {
  pool: pg.Pool
  prisma: PrismaClient
  close(): Promise<void>
}

/** Opens the pool; connections are made when they are first needed, so this succeeds while Postgres is away. */
export function createDatabase(options: DatabaseOptions): Database {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
  const connectionTimeoutMs = options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS
  const answerTimeoutMs = statementTimeoutMs + ANSWER_MARGIN_MS
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolMax ?? POOL_MAX,
    application_name: options.applicationName ?? 'signalbox',
    connectionTimeoutMillis: connectionTimeoutMs,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    options: SESSION_OPTIONS,
  })
  // Without a listener, the error of a connection that dies while idle would end the process.
  pool.on('error', (error) => options.onIdleError?.(error))
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: {
      maxWait: connectionTimeoutMs + answerTimeoutMs,
      timeout: TRANSACTION_STATEMENTS_MAX * answerTimeoutMs,
    },
  })
  return {
    pool,
    prisma,
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}
