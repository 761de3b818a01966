import pg from 'pg'

/** A number that all schedulers of one database agree on. */
const LEADER_LOCK = 7_204_551_004

const CONNECTION_TIMEOUT_MS = 3_000
const CHECK_TIMEOUT_MS = 5_000

/** Tells which of several processes leads. */
export interface Leadership {
  /** Takes the lead when it is free; tells whether this process has it now. Never throws for a lost connection. */
  tryLead(): Promise<boolean>
  release(): Promise<void>
}

/**
 * Leads by a session-level advisory lock on a connection of its own: when the process or the connection dies, Postgres
 * lets go of the lock and the next one that asks has it.
 */
export function createLeadership(databaseUrl: string): Leadership {
  let client: pg.Client | undefined
  let isLeader = false

  const forget = (): void => {
    const gone = client
    client = undefined
    isLeader = false
    gone?.end().catch(() => undefined)
  }

  const connect = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'signalbox-scheduler-lead',
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      query_timeout: CHECK_TIMEOUT_MS,
      keepAlive: true,
    })
    fresh.on('error', forget)
    await fresh.connect()
    return fresh
  }

  return {
    async tryLead() {
      try {
        client ??= await connect()
        if (isLeader) {
          await client.query('select 1')
          return true
        }
        const { rows } = await client.query<{ led: boolean }>('select pg_try_advisory_lock($1) as led', [LEADER_LOCK])
        isLeader = rows[0]?.led ?? false
        return isLeader
      } catch {
        forget()
        return false
      }
    },
    async release() {
      const last = client
      client = undefined
      isLeader = false
      await last?.end().catch(() => undefined)
    },
  }
}
