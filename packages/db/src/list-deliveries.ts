import { type DeliveryState, firstIdAt, type Json, type TenantScope } from '@signalbox/domain'
import { findEndpointId, type ListedDelivery } from './delivery-row.js'
import { Prisma, type PrismaClient } from './generated/client.js'
import { type Page, type PageQuery, toPage } from './page.js'

/** Which deliveries are looked for; all conditions hold together. */
export interface DeliveryQuery extends PageQuery {
  state?: DeliveryState | undefined
  endpointId?: string | undefined
  dispatcherId?: string | undefined
  /** The caller's id. */
  eventId?: string | undefined
  /** Exact, or a prefix that ends in `*`. */
  eventName?: string | undefined
  /** Made at or after. */
  from?: Date | undefined
  /** Made before. */
  to?: Date | undefined
  /** Of the last attempt. */
  responseStatus?: number | undefined
}

/**
 * Deliveries that one request looks at. Conditions are checked on rows as they come, newest first, and past this many
 * the page ends with a cursor, be it short or empty: a rare thing is found over several requests, none of them slow.
 */
const SCANNED_ROWS_MAX = 5_000

/** Lists deliveries, newest first. A page that is not full may still be followed by another. */
export async function listDeliveries(
  prisma: PrismaClient,
  scope: TenantScope,
  query: DeliveryQuery,
): Promise<Page<ListedDelivery>> {
  const range = toRange(scope, query)
  const rows = await prisma.$queryRaw<DeliveryRow[]>(selectDeliveries(scope, range, query))
  const page = toPage(rows.map(toListed), query.limit)
  if (page.nextBeforeId !== undefined) return page
  return { items: page.items, nextBeforeId: await findScanEnd(prisma, range) }
}

/** The rows that come in question without looking at them, as conditions on `deliveries d`. */
function toRange({ organizationId, environmentId }: TenantScope, query: DeliveryQuery): Prisma.Sql {
  const conditions = [
    Prisma.sql`d.organization_id = ${organizationId}::uuid and d.environment_id = ${environmentId}::uuid`,
  ]
  if (query.beforeId !== undefined) conditions.push(Prisma.sql`d.id < ${query.beforeId}::uuid`)
  if (query.from !== undefined) conditions.push(Prisma.sql`d.id >= ${firstIdAt(query.from)}::uuid`)
  if (query.to !== undefined) conditions.push(Prisma.sql`d.id < ${firstIdAt(query.to)}::uuid`)
  if (query.eventId !== undefined) {
    // event_records_event_id_key, then deliveries_event_dispatcher_key
    conditions.push(Prisma.sql`d.event_record_id = (
      select id from event_records
      where organization_id = ${organizationId}::uuid and environment_id = ${environmentId}::uuid
        and event_id = ${query.eventId})`)
  }
  return Prisma.join(conditions, ' and ')
}

function selectDeliveries(scope: TenantScope, range: Prisma.Sql, query: DeliveryQuery): Prisma.Sql {
  const filters = toFilters(query)
  const where = filters.length === 0 ? Prisma.empty : Prisma.sql`where ${Prisma.join(filters, ' and ')}`
  // deliveries_newest_idx; event_records_pkey and event_dispatchers_pkey for each row
  return Prisma.sql`
    select d.id, r.event_id, r.name, d.dispatcher_id, p.dispatchable, d.state, d.attempt_count, d.next_attempt_at,
      d.reason, d.last_error, d.last_status, d.settled_at, d.created_at, d.updated_at
    from (select d.* from deliveries d where ${range} order by d.id desc limit ${SCANNED_ROWS_MAX}) d
    join event_records r on r.organization_id = ${scope.organizationId}::uuid and r.id = d.event_record_id
    join event_dispatchers p on p.organization_id = ${scope.organizationId}::uuid and p.id = d.dispatcher_id
    ${where}
    order by d.id desc limit ${query.limit + 1}`
}

function toFilters(query: DeliveryQuery): Prisma.Sql[] {
  const { state, dispatcherId, endpointId, eventName, responseStatus } = query
  const filters: Prisma.Sql[] = []
  if (state !== undefined) filters.push(Prisma.sql`d.state = ${state}`)
  if (responseStatus !== undefined) filters.push(Prisma.sql`d.last_status = ${responseStatus}::integer`)
  if (dispatcherId !== undefined) filters.push(Prisma.sql`d.dispatcher_id = ${dispatcherId}::uuid`)
  if (endpointId !== undefined) {
    filters.push(Prisma.sql`p.dispatchable_type = 'WEBHOOK' and p.dispatchable ->> 'id' = ${endpointId}`)
  }
  if (eventName !== undefined) {
    const isPrefix = eventName.endsWith('*')
    filters.push(
      isPrefix ? Prisma.sql`starts_with(r.name, ${eventName.slice(0, -1)})` : Prisma.sql`r.name = ${eventName}`,
    )
  }
  return filters
}

/** The last row that was looked at, when there were more than were looked at. */
async function findScanEnd(prisma: PrismaClient, range: Prisma.Sql): Promise<string | undefined> {
  // deliveries_newest_idx, from the index alone where the visibility map allows
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    select d.id from deliveries d where ${range} order by d.id desc offset ${SCANNED_ROWS_MAX - 1} limit 2`
  return rows.length > 1 ? rows[0]?.id : undefined
}

interface DeliveryRow {
  id: string
  event_id: string
  name: string
  dispatcher_id: string
  dispatchable: Json
  state: DeliveryState
  attempt_count: number
  next_attempt_at: Date | null
  reason: string | null
  last_error: string | null
  last_status: number | null
  settled_at: Date | null
  created_at: Date
  updated_at: Date
}

function toListed(row: DeliveryRow): ListedDelivery {
  return {
    id: row.id,
    eventId: row.event_id,
    eventName: row.name,
    dispatcherId: row.dispatcher_id,
    endpointId: findEndpointId(row.dispatchable),
    state: row.state,
    attemptCount: row.attempt_count,
    nextAttemptAt: row.next_attempt_at,
    reason: row.reason,
    lastError: row.last_error,
    lastStatus: row.last_status,
    settledAt: row.settled_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
