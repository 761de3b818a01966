import {
  createId,
  EVENT_UPDATE_MARGIN_MS,
  type AcceptedEvent,
  type TenantScope,
  type IdempotentRequest,
  type RequestOutcome,
  type ScopedEvent,
  type StoredEvent,
} from '@signalbox/domain'
import type pg from 'pg'
import { asStorageError } from './as-storage-error.js'
import type { Database } from './create-database.js'
import { encodeArray } from './encode-array.js'
import { createOptimisticInsert, type InsertMode } from './optimistic-insert.js'
import { runInTransaction } from './run-in-transaction.js'
import { acceptEventsSql } from './sql/accept-events.js'
import { claimIdempotencyKeySql, finishIdempotencyKeySql, readIdempotencyKeySql } from './sql/idempotency-keys.js'
import { resendEventsSql } from './sql/resend-events.js'
import { createAccountsSql, findAccountsSql } from './sql/resolve-accounts.js'

/** An announced event that is still undelivered after this long is published again by the scheduler. */
export const REPUBLISH_AFTER_S = 30

/** How long an idempotency key keeps its answer. */
const IDEMPOTENCY_HOURS = 24

type Queryable = Pick<pg.ClientBase, 'query'>

/** Makes events durable, by the rules for ids that were sent before. Throws `storage_unavailable`. */
export function createAcceptStore({ pool }: Pick<Database, 'pool'>) {
  const inserting = createOptimisticInsert()
  return {
    /** Different ids only; `isAtomic` stores all or none of them, else each on its own. */
    async acceptGroup(events: ScopedEvent[], isAtomic: boolean): Promise<StoredEvent[]> {
      return asStorageError(() =>
        inserting.run((mode) =>
          isAtomic
            ? runInTransaction(pool, (client) => storeEvents(client, events, mode))
            : storeEvents(pool, events, mode),
        ),
      )
    },

    /** One request on its own, in one transaction: ids may repeat, and an idempotency key is claimed with it. */
    async acceptRequest(events: ScopedEvent[], idempotency?: IdempotentRequest): Promise<RequestOutcome> {
      return asStorageError(() =>
        runInTransaction(pool, async (client): Promise<RequestOutcome> => {
          const [first] = events
          if (idempotency === undefined || first === undefined) {
            return { kind: 'stored', events: await storeInRounds(client, events) }
          }
          const earlier = await claimKey(client, first, idempotency)
          if (earlier !== undefined) return earlier
          const stored = await storeInRounds(client, events)
          const answer = idempotency.buildAnswer(stored.map((one) => one.accepted))
          const values = [first.organizationId, first.environmentId, idempotency.keyHash, answer.status, answer.body]
          await client.query(finishIdempotencyKeySql, values)
          return { kind: 'stored', events: stored }
        }),
      )
    },

    /** Gives our id of each wanted account, or undefined where there is none and none may be made. */
    async resolveAccounts(
      wanted: (TenantScope & { identifier: string; create: boolean })[],
    ): Promise<(string | undefined)[]> {
      return asStorageError(async () => {
        const found = await findAccounts(pool, wanted)
        const missing = wanted.filter((one, index) => one.create && found[index] === undefined)
        if (missing.length === 0) return found
        const rows = missing.map((one) => ({
          o: one.organizationId,
          e: one.environmentId,
          i: createId(),
          n: one.identifier,
        }))
        await pool.query(createAccountsSql, [JSON.stringify(rows)])
        return findAccounts(pool, wanted)
      })
    },
  }
}

async function storeEvents(client: Queryable, events: ScopedEvent[], mode: InsertMode): Promise<StoredEvent[]> {
  const now = Date.now()
  const values = [...toColumns(events), new Date(now), REPUBLISH_AFTER_S]
  const result = await client.query<{ stored: number; ids: string[] | null }>({
    name: `accept-events-${mode}`,
    text: acceptEventsSql[mode],
    values,
  })
  const [outcome] = result.rows
  if (outcome?.stored === events.length) return events.map((one) => toStored(one, now))
  const ids = new Set(outcome?.ids ?? [])
  const resent = await resendEvents(
    client,
    events.filter((one) => !ids.has(one.event.id)),
    now,
  )
  return events.map((one) => (ids.has(one.event.id) ? toStored(one, now) : takeResent(resent, one)))
}

// In the order of the statement's parameters.
function toColumns(events: ScopedEvent[]): Buffer[] {
  return [
    encodeArray.uuid(events.map((one) => one.organizationId)),
    encodeArray.uuid(events.map((one) => one.environmentId)),
    encodeArray.uuid(events.map(({ event }) => event.id)),
    encodeArray.text(events.map(({ event }) => event.eventId)),
    encodeArray.text(events.map(({ event }) => event.name)),
    encodeArray.text(events.map(({ event }) => event.source)),
    encodeArray.timestamptz(events.map(({ event }) => event.timestamp)),
    encodeArray.jsonb(events.map(({ event }) => JSON.stringify(event.payload))),
    encodeArray.text(events.map(({ event }) => event.payloadType)),
    encodeArray.jsonb(events.map(({ event }) => JSON.stringify(event.context))),
    encodeArray.uuid(events.map((one) => one.externalAccountId)),
    encodeArray.text(events.map((one) => one.accountIdentifier)),
    encodeArray.jsonb(events.map(toSourceContext)),
    encodeArray.text(events.map(({ event }) => event.orderingKey)),
    encodeArray.text(events.map(({ event }) => event.traceParent)),
    encodeArray.timestamptz(events.map(({ event }) => event.deliverAt)),
    encodeArray.boolean(events.map(({ event }) => event.isTest)),
  ]
}

// An account that is unknown here is not lost: the record says which one was named.
function toSourceContext({ accountIdentifier, event }: ScopedEvent): string | undefined {
  if (accountIdentifier !== null || event.accountId === undefined) return undefined
  return JSON.stringify({ unknownAccountId: event.accountId })
}

function toStored(one: ScopedEvent, now: number): StoredEvent {
  const { event } = one
  return {
    accepted: {
      eventId: event.eventId,
      name: event.name,
      payload: event.payload,
      context: event.context,
      timestamp: event.timestamp,
      deliverAt: event.deliverAt,
      deliveredAt: null,
      cancelledAt: null,
    },
    ref: { organizationId: one.organizationId, eventRecordId: event.id },
    isDue: event.deliverAt.getTime() <= now,
  }
}

interface ResentRow {
  organization_id: string
  id: string
  environment_id: string
  event_id: string
  name: string
  payload: AcceptedEvent['payload']
  context: AcceptedEvent['context']
  timestamp: Date
  deliver_at: Date
  delivered_at: Date | null
  cancelled_at: Date | null
  is_due: boolean
}

async function resendEvents(client: Queryable, events: ScopedEvent[], now: number): Promise<Map<string, StoredEvent>> {
  const rows = events.map(({ organizationId, environmentId, event }) => ({
    o: organizationId,
    e: environmentId,
    c: event.eventId,
    p: event.given.payload ? event.payload : undefined,
    pt: event.given.payloadType ? event.payloadType : undefined,
    x: event.given.context ? event.context : undefined,
    d: event.deliverAt,
    due: event.deliverAt.getTime() <= now,
  }))
  const values = [JSON.stringify(rows), EVENT_UPDATE_MARGIN_MS / 1_000, REPUBLISH_AFTER_S]
  const result = await client.query<ResentRow>(resendEventsSql, values)
  return new Map(result.rows.map((row) => [`${row.environment_id} ${row.event_id}`, toResent(row)]))
}

function toResent(row: ResentRow): StoredEvent {
  return {
    accepted: {
      eventId: row.event_id,
      name: row.name,
      payload: row.payload,
      context: row.context,
      timestamp: row.timestamp,
      deliverAt: row.deliver_at,
      deliveredAt: row.delivered_at,
      cancelledAt: row.cancelled_at,
    },
    ref: { organizationId: row.organization_id, eventRecordId: row.id },
    isDue: row.is_due,
  }
}

function takeResent(resent: Map<string, StoredEvent>, one: ScopedEvent): StoredEvent {
  const stored = resent.get(`${one.environmentId} ${one.event.eventId}`)
  // The row that stood in the way was pruned in between; sending again stores it.
  if (stored === undefined) throw new Error('an event that was stored before is gone')
  return stored
}

// An id that comes twice is sent again in a later round, as if the requests came one after another.
async function storeInRounds(client: Queryable, events: ScopedEvent[]): Promise<StoredEvent[]> {
  const stored = new Array<StoredEvent>(events.length)
  let rest = events.map((event, index) => ({ event, index }))
  while (rest.length > 0) {
    const ids = new Set<string>()
    const round: typeof rest = []
    const later: typeof rest = []
    for (const entry of rest) {
      const isTaken = ids.has(entry.event.event.eventId)
      ids.add(entry.event.event.eventId)
      if (isTaken) later.push(entry)
      else round.push(entry)
    }
    const results = await storeEvents(
      client,
      round.map((entry) => entry.event),
      'maybe_known',
    )
    for (const [position, entry] of round.entries()) stored[entry.index] = results[position] as StoredEvent
    rest = later
  }
  return stored
}

async function claimKey(
  client: Queryable,
  scope: TenantScope,
  { keyHash, requestHash }: IdempotentRequest,
): Promise<RequestOutcome | undefined> {
  const key = [scope.organizationId, scope.environmentId, keyHash]
  // Waits for a concurrent request with the same key to end.
  const claimed = await client.query(claimIdempotencyKeySql, [...key, requestHash, IDEMPOTENCY_HOURS])
  if (claimed.rowCount === 1) return undefined
  const { rows } = await client.query<{ request_hash: Buffer; response_status: number; response_body: string }>(
    readIdempotencyKeySql,
    key,
  )
  const [earlier] = rows
  if (earlier === undefined || !earlier.request_hash.equals(requestHash)) return { kind: 'conflict' }
  return { kind: 'replayed', status: earlier.response_status, body: earlier.response_body }
}

async function findAccounts(
  client: Queryable,
  wanted: (TenantScope & { identifier: string })[],
): Promise<(string | undefined)[]> {
  const rows = wanted.map((one, k) => ({ k, o: one.organizationId, e: one.environmentId, n: one.identifier }))
  const result = await client.query<{ k: number; id: string }>(findAccountsSql, [JSON.stringify(rows)])
  const ids = new Array<string | undefined>(wanted.length).fill(undefined)
  for (const row of result.rows) ids[row.k] = row.id
  return ids
}
