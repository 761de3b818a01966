import {
  DEFAULT_LIMITS,
  DELIVERIES_OF_STATEMENT_MAX,
  type DeliverDecision,
  type DeliveryRef,
  type EventRef,
  type MatchableBody,
  type PayloadType,
  SignalboxError,
} from '@signalbox/domain'
import type pg from 'pg'
import { asStorageError } from './as-storage-error.js'
import type { Database } from './create-database.js'
import { encodeArray } from './encode-array.js'
import { createOptimisticInsert, type InsertMode } from './optimistic-insert.js'
import { createRuleStore } from './rule-store.js'
import { readLimits } from './read-limits.js'
import { runInTransaction } from './run-in-transaction.js'
import { loadBodiesSql, loadUndeliveredSql } from './sql/load-undelivered.js'
import {
  addDeliveriesSql,
  lockUndeliveredSql,
  useUpDispatchersSql,
  writeDeliveriesSql,
} from './sql/write-deliveries.js'

interface UndeliveredRow {
  organization_id: string
  environment_id: string
  id: string
  name: string
  source: string
  external_account_id: string | null
  payload_type: PayloadType
  version: string
  fanout_max: unknown
}

interface BodyRow {
  id: string
  payload: string
  context: string
  event_id: string
  timestamp: Date
  account_identifier: string | null
}

/** A delivery whose queue job was lost is found by the scheduler after this long. */
export const WAKE_AFTER_S = 30

/** A reason is kept up to this many characters. */
const FAILURE_CHARACTERS_MAX = 500

/** Reads events that are to be delivered and writes what was decided for them. Throws `storage_unavailable`. */
export function createDeliverStore({ pool }: Pick<Database, 'pool'>) {
  const inserting = createOptimisticInsert()
  return {
    async loadUndelivered(refs: EventRef[]) {
      const query = { name: 'load-undelivered', text: loadUndeliveredSql, values: toColumns(refs) }
      const { rows } = await asStorageError(() => pool.query<UndeliveredRow>(query))
      return rows.map((row) => ({
        organizationId: row.organization_id,
        environmentId: row.environment_id,
        eventRecordId: row.id,
        name: row.name,
        source: row.source,
        externalAccountId: row.external_account_id,
        payloadType: row.payload_type,
        dispatcherSetVersion: row.version,
        fanoutMax: readFanoutMax(row.fanout_max),
      }))
    },

    async loadBodies(refs: EventRef[]): Promise<Map<string, MatchableBody>> {
      const query = { name: 'load-bodies', text: loadBodiesSql, values: toColumns(refs) }
      const { rows } = await asStorageError(() => pool.query<BodyRow>(query))
      return new Map(rows.map((row) => [row.id, toBody(row)]))
    },

    ...createRuleStore(pool),

    /**
     * One transaction. All deliveries of an event are written with the one that takes it from the outbox. Gives those of
     * events that were still undelivered. Takes one decision, or several with `DELIVERIES_OF_STATEMENT_MAX` deliveries
     * together at most.
     */
    async writeDeliveries(decisions: DeliverDecision[]): Promise<DeliveryRef[]> {
      if (decisions.length === 0) return []
      const count = decisions.reduce((sum, { deliveries }) => sum + deliveries.length, 0)
      const isLarge = count > DELIVERIES_OF_STATEMENT_MAX
      if (isLarge && decisions.length > 1) {
        throw new SignalboxError(
          'integrity',
          `${count} deliveries of several events are more than one statement writes`,
        )
      }
      const isPlain = !isLarge && !decisions.some(hasOnce)
      return await asStorageError(() =>
        isPlain
          ? inserting.run((mode) => writeAll(pool, decisions, mode))
          : writeInTransaction(pool, decisions, isLarge),
      )
    },
  }
}

function hasOnce({ deliveries }: DeliverDecision): boolean {
  return deliveries.some((delivery) => delivery.once)
}

async function writeInTransaction(
  pool: pg.Pool,
  decisions: DeliverDecision[],
  isLarge: boolean,
): Promise<DeliveryRef[]> {
  return runInTransaction(pool, async (client) => {
    const decided = decisions.some(hasOnce) ? await useUpOnce(client, decisions) : decisions
    const [first] = decided
    return isLarge && first !== undefined ? writeLarge(client, first) : writeAll(client, decided, 'maybe_known')
  })
}

// The outbox row is held from the first statement on, so nobody delivers or cancels the event in between.
async function writeLarge(client: pg.PoolClient, decision: DeliverDecision): Promise<DeliveryRef[]> {
  const { organizationId: o, eventRecordId: i } = decision
  const locked = await client.query(lockUndeliveredSql, [JSON.stringify([{ o, i }])])
  if (locked.rowCount === 0) return []
  const rows = toDeliveryRows([decision])
  for (let start = DELIVERIES_OF_STATEMENT_MAX; start < rows.length; start += DELIVERIES_OF_STATEMENT_MAX) {
    const part = rows.slice(start, start + DELIVERIES_OF_STATEMENT_MAX)
    await client.query(addDeliveriesSql, [...encodeDeliveries(part), WAKE_AFTER_S])
  }
  const head = { decisions: [decision], deliveries: rows.slice(0, DELIVERIES_OF_STATEMENT_MAX) }
  await writeRows(client, head, 'maybe_known')
  return rows.map(toRef)
}

function toColumns(refs: EventRef[]): [Buffer, Buffer] {
  return [
    encodeArray.uuid(refs.map((ref) => ref.organizationId)),
    encodeArray.uuid(refs.map((ref) => ref.eventRecordId)),
  ]
}

function toBody({ payload, context, ...row }: BodyRow): MatchableBody {
  const { event_id: eventId, timestamp, account_identifier: accountIdentifier } = row
  return { payload, context, eventId, timestamp, accountIdentifier }
}

// Hardly any environment has one of its own, and this is asked for every event.
function readFanoutMax(column: unknown): number {
  return column === null ? DEFAULT_LIMITS.fanoutMax : readLimits({ fanoutMax: column }).fanoutMax
}

// The first event of the group that is still undelivered gets the dispatcher; everyone else finds it used up. All events
// of the group are locked first, also those that want no such dispatcher: locked later, they would be out of order.
async function useUpOnce(client: pg.PoolClient, decisions: DeliverDecision[]): Promise<DeliverDecision[]> {
  const events = decisions.map((decision) => ({ o: decision.organizationId, i: decision.eventRecordId }))
  const locked = await client.query<{ id: string }>(lockUndeliveredSql, [JSON.stringify(events)])
  const held = new Set(locked.rows.map((row) => row.id))
  const dispatchers = decisions
    .filter((decision) => held.has(decision.eventRecordId))
    .flatMap(({ organizationId: o, deliveries }) =>
      deliveries.flatMap(({ once, dispatcherId: i }) => (once ? [{ o, i }] : [])),
    )
  const used = await client.query<{ id: string }>(useUpDispatchersSql, [JSON.stringify(dispatchers)])
  const ours = new Set(used.rows.map((row) => row.id))
  return decisions.map((decision) => {
    const deliveries = decision.deliveries.filter(
      ({ once, dispatcherId }) => !once || (held.has(decision.eventRecordId) && ours.delete(dispatcherId)),
    )
    const spares = decision.spares?.slice(0, decision.deliveries.length - deliveries.length) ?? []
    const fanoutLimited = decision.fanoutLimited - spares.length
    return { ...decision, deliveries: [...deliveries, ...spares], fanoutLimited }
  })
}

interface NewDeliveryRow {
  o: string
  e: string
  i: string
  v: string
  d: string
}

function toDeliveryRows(decisions: DeliverDecision[]): NewDeliveryRow[] {
  return decisions.flatMap((decision) =>
    decision.deliveries.map((delivery) => ({
      o: decision.organizationId,
      e: decision.environmentId,
      i: delivery.id,
      v: delivery.eventRecordId,
      d: delivery.dispatcherId,
    })),
  )
}

function encodeDeliveries(rows: NewDeliveryRow[]): Buffer[] {
  return [
    encodeArray.uuid(rows.map((row) => row.o)),
    encodeArray.uuid(rows.map((row) => row.e)),
    encodeArray.uuid(rows.map((row) => row.i)),
    encodeArray.uuid(rows.map((row) => row.v)),
    encodeArray.uuid(rows.map((row) => row.d)),
  ]
}

function toRef(row: NewDeliveryRow): DeliveryRef {
  return { organizationId: row.o, dispatcherId: row.d, deliveryId: row.i, attemptCount: 0 }
}

type Queryable = Pick<pg.ClientBase, 'query'>

async function writeAll(client: Queryable, decisions: DeliverDecision[], mode: InsertMode): Promise<DeliveryRef[]> {
  const rows = toDeliveryRows(decisions)
  const taken = await writeRows(client, { decisions, deliveries: rows }, mode)
  return rows.filter((row) => taken === undefined || taken.has(row.v)).map(toRef)
}

/** Gives the events that were ours, or undefined when all were. */
async function writeRows(
  client: Queryable,
  { decisions, deliveries }: { decisions: DeliverDecision[]; deliveries: NewDeliveryRow[] },
  mode: InsertMode,
): Promise<Set<string> | undefined> {
  // In the order in which everyone locks outbox rows: two with the same events in another one would lock each other out.
  const events = decisions
    .map((decision) => ({
      o: decision.organizationId,
      i: decision.eventRecordId,
      m: decision.deliveries.length,
      l: decision.fanoutLimited === 0 ? null : decision.fanoutLimited,
      f: decision.failure?.slice(0, FAILURE_CHARACTERS_MAX) ?? null,
    }))
    .sort((a, b) => (a.o === b.o ? compare(a.i, b.i) : compare(a.o, b.o)))
  const values = [
    encodeArray.uuid(events.map((event) => event.o)),
    encodeArray.uuid(events.map((event) => event.i)),
    encodeArray.integer(events.map((event) => event.m)),
    encodeArray.integer(events.map((event) => event.l)),
    encodeArray.text(events.map((event) => event.f)),
    ...encodeDeliveries(deliveries),
    WAKE_AFTER_S,
  ]
  const { rows } = await client.query<{ taken: number; ids: string[] | null }>({
    name: `write-deliveries-${mode}`,
    text: writeDeliveriesSql[mode],
    values,
  })
  return rows[0]?.taken === events.length ? undefined : new Set(rows[0]?.ids ?? [])
}

// Ids as Postgres orders them: by their bytes, which is how their text goes.
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
