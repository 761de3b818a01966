import { type EventState, firstIdAt, type Json, type TenantScope } from '@signalbox/domain'
import type { Pool } from 'pg'
import { EVENT_STATE_CONDITIONS, type EventRow, type StoredEventRecord, toEventRecord } from './event-row.js'
import { type Page, type PageQuery, toCutPage } from './page.js'
import { type EventConditions, toListEventsSql, toScanEndSql } from './sql/read-events.js'

/** Which events are looked for; all conditions hold together. */
export interface EventQuery extends PageQuery {
  /** The caller's id, exactly. */
  id?: string | undefined
  /** Exact, or a prefix that ends in `*`. */
  name?: string | undefined
  source?: string | undefined
  /** The tenant's identifier of an account. */
  accountId?: string | undefined
  /** Accepted at or after. */
  from?: Date | undefined
  /** Accepted before. */
  to?: Date | undefined
  state?: EventState | undefined
  test?: boolean | undefined
  /** What the payload contains. */
  payload?: Json | undefined
}

/** Lists events, newest first. A page that is not full may still be followed by another. */
export async function listEvents(pool: Pool, scope: TenantScope, query: EventQuery): Promise<Page<StoredEventRecord>> {
  const values: unknown[] = []
  const conditions = toConditions(scope, query, values)
  const now = new Date()
  const { rows } = await pool.query<EventRow & { found: number }>(toListEventsSql(conditions, query.limit), values)
  const page = toCutPage(rows, query.limit)
  const items = page.items.map((row) => toEventRecord(row, now))
  if (page.nextBeforeId !== undefined) return { items, nextBeforeId: page.nextBeforeId }
  // The values of the filters come last, and are not used here.
  const rangeValues = values.slice(0, values.length - conditions.filterValues)
  const end = await pool.query<{ id: string }>(toScanEndSql(conditions), rangeValues)
  return { items, nextBeforeId: end.rows.length > 1 ? end.rows[0]?.id : undefined }
}

function toConditions(
  { organizationId, environmentId }: TenantScope,
  query: EventQuery,
  values: unknown[],
): EventConditions & { filterValues: number } {
  const value = (given: unknown): string => `$${values.push(given)}`
  const [organization, environment] = [value(organizationId), value(environmentId)]
  const range = [`organization_id = ${organization} and environment_id = ${environment}`]
  if (query.accountId !== undefined) {
    range.push(`external_account_id = (
      select id from external_accounts
      where organization_id = ${organization} and environment_id = ${environment}
        and identifier = ${value(query.accountId)})`)
  }
  if (query.id !== undefined) range.push(`event_id = ${value(query.id)}`)
  if (query.beforeId !== undefined) range.push(`id < ${value(query.beforeId)}`)
  if (query.from !== undefined) range.push(`id >= ${value(firstIdAt(query.from))}`)
  if (query.to !== undefined) range.push(`id < ${value(firstIdAt(query.to))}`)
  const rangeCount = values.length
  const filter: string[] = []
  if (query.name !== undefined) {
    const isPrefix = query.name.endsWith('*')
    filter.push(isPrefix ? `starts_with(r.name, ${value(query.name.slice(0, -1))})` : `r.name = ${value(query.name)}`)
  }
  if (query.source !== undefined) filter.push(`r.source = ${value(query.source)}`)
  if (query.test !== undefined) filter.push(`r.is_test = ${value(query.test)}`)
  if (query.state !== undefined) filter.push(EVENT_STATE_CONDITIONS[query.state])
  if (query.payload !== undefined) filter.push(`r.payload @> ${value(JSON.stringify(query.payload))}::jsonb`)
  return { range, filter, filterValues: values.length - rangeCount }
}
