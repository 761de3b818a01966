/** Errors of sockets and name look-up. */
const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/** SQLSTATEs of a server that can't serve now: shutting down, starting, full, read-only after a failover, too slow. */
const SQL_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '57014', '25006', '3D000', '58030', '55P03'])

/** Classes of SQLSTATEs: 08 connection exception, 53 insufficient resources. */
const SQL_STATE_CLASSES = ['08', '53']

/** Prisma's: can't reach, timed out, closed the connection, no connection free in the pool, no transaction in time. */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037'])

/** A deadlock, or two transactions that do not go together, as Postgres and as Prisma say it. */
const CONFLICT_CODES = new Set(['40P01', '40001', 'P2034'])

/** What `pg` says without a code. */
const MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Cannot use a pool after calling end|Client was closed and is not queryable|DatabaseNotReachable/

/** Causes that are followed; more would be a loop. */
const CAUSES_MAX = 8

/** Tells whether an error means that Postgres is away or can't serve now, and not that a statement was wrong. */
export function isStorageUnavailable(error: unknown): boolean {
  return hasCause(error, ({ code, message, errors }) => {
    if (typeof code === 'string' && isCodeOfAbsence(code)) return true
    if (typeof message === 'string' && MESSAGES.test(message)) return true
    return Array.isArray(errors) && errors.length > 0 && errors.every(isStorageUnavailable)
  })
}

/** Tells whether Postgres took a transaction back because another one was in its way: once more may go well. */
export function isTransactionConflict(error: unknown): boolean {
  return hasCause(error, ({ code }) => typeof code === 'string' && CONFLICT_CODES.has(code))
}

interface Cause {
  code?: unknown
  message?: unknown
  errors?: unknown
}

/** Whether the error, or what it says that caused it, is such a one. */
function hasCause(error: unknown, isWanted: (cause: Cause) => boolean): boolean {
  let current: unknown = error
  for (let depth = 0; depth < CAUSES_MAX; depth += 1) {
    if (typeof current === 'string') return isWanted({ code: current })
    if (typeof current !== 'object' || current === null) return false
    if (isWanted(current)) return true
    const { cause, meta, originalCode } = current as {
      cause?: unknown
      meta?: { driverAdapterError?: unknown } | null
      originalCode?: unknown
    }
    // Prisma keeps what the driver said of a raw query in its `meta`.
    current = cause ?? meta?.driverAdapterError ?? originalCode
  }
  return false
}

function isCodeOfAbsence(code: string): boolean {
  if (SYSTEM_CODES.has(code) || SQL_STATES.has(code) || PRISMA_CODES.has(code) || CONFLICT_CODES.has(code)) return true
  return code.length === 5 && SQL_STATE_CLASSES.includes(code.slice(0, 2))
}
