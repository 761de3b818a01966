import { createId } from '@signalbox/domain'
import pg from 'pg'
import { buildEventRow, EVENT_COLUMNS } from '../sample-events.js'
import { serveCalls } from './serve-calls.js'

/** As many rows as go, for a time. */
export interface TimedInsert {
  readonly databaseUrl: string
  readonly organizationId: string
  readonly environmentId: string
  readonly connections: number
  readonly rowsPerStatement: number
  readonly seconds: number
}

const OUTBOX_COLUMNS = ['organization_id', 'event_record_id', 'deliver_at', 'enqueue_at'] as const

/** Inserts events with their outbox rows: on each connection, two multi-row statements in one transaction. */
async function insertForSeconds(load: TimedInsert): Promise<{ rows: number; perSecond: number }> {
  const pool = new pg.Pool({ connectionString: load.databaseUrl, max: load.connections })
  const statements = buildStatements(load.rowsPerStatement)
  const clients = await Promise.all(Array.from({ length: load.connections }, () => pool.connect()))
  let rows = 0
  const startedAt = performance.now()
  const deadline = startedAt + load.seconds * 1_000
  const insert = async (client: pg.PoolClient): Promise<void> => {
    while (performance.now() < deadline) {
      const values = buildValues(load)
      await client.query('begin')
      await client.query({ name: 'events', text: statements.events, values: values.events })
      await client.query({ name: 'outbox', text: statements.outbox, values: values.outbox })
      await client.query('commit')
      rows += load.rowsPerStatement
    }
  }
  try {
    await Promise.all(clients.map(insert))
    return { rows, perSecond: rows / ((performance.now() - startedAt) / 1_000) }
  } finally {
    for (const client of clients) client.release()
    await pool.end()
  }
}

function buildStatements(rows: number): { events: string; outbox: string } {
  return {
    events: `insert into event_records (${EVENT_COLUMNS.join()}) values ${buildPlaces(rows, EVENT_COLUMNS.length)}`,
    outbox: `insert into event_outbox (${OUTBOX_COLUMNS.join()}) values ${buildPlaces(rows, OUTBOX_COLUMNS.length)}`,
  }
}

/** `($1,$2),($3,$4)` for two rows of two columns. */
function buildPlaces(rows: number, columns: number): string {
  const place = (row: number) => Array.from({ length: columns }, (_, column) => `$${row * columns + column + 1}`)
  return Array.from({ length: rows }, (_, row) => `(${place(row).join()})`).join()
}

function buildValues(load: TimedInsert): { events: unknown[]; outbox: unknown[] } {
  const events: unknown[] = []
  const outbox: unknown[] = []
  const now = new Date()
  for (let row = 0; row < load.rowsPerStatement; row += 1) {
    const id = createId()
    events.push(...buildEventRow(load, id))
    outbox.push(load.organizationId, id, now, now)
  }
  return { events, outbox }
}

const methods = { insertForSeconds }

/** Inserts through `pg`. */
export type InsertMethods = typeof methods

serveCalls(methods)
