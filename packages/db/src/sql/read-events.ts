/** The columns of an event that are answered, for a table named r. */
const EVENT_COLUMNS = `r.id, r.event_id, r.name, r.source, r."timestamp", r.payload, r.payload_type, r.context,
  r.source_context, r.external_account_id, r.account_identifier, r.ordering_key, r.deliver_at, r.delivered_at, r.cancelled_at,
  r.failed_at, r.failure_reason, r.matched_count, r.fanout_limited, r.is_test, r.created_at, r.updated_at`

/** One event by the caller's id. Relies on event_records_event_id_key. */
export const findEventSql = `
select ${EVENT_COLUMNS} from event_records r
where r.organization_id = $1 and r.environment_id = $2 and r.event_id = $3`

/** Whether another environment has an event with this id. Relies on event_records_event_id_key, once for each. */
export const isEventElsewhereSql = `
select exists (
  select 1 from runtime_environments e
  where not (e.organization_id = $1 and e.id = $2)
    and exists (
      select 1 from event_records r
      where r.organization_id = e.organization_id and r.environment_id = e.id and r.event_id = $3)) as found`

/**
 * Cancels an event that waits: takes its outbox row, which who delivers it must have too, and marks it in the same
 * statement. Gives no row when there is nothing to take. Relies on event_records_event_id_key and event_outbox_pkey.
 */
export const cancelEventSql = `
with record as (
  select organization_id, id from event_records where organization_id = $1 and environment_id = $2 and event_id = $3
), taken as (
  delete from event_outbox b using record
  where b.organization_id = any(array[record.organization_id]) and b.event_record_id = record.id
  returning b.organization_id, b.event_record_id
)
update event_records r set cancelled_at = now()
from taken where r.organization_id = any(array[taken.organization_id]) and r.id = taken.event_record_id
returning ${EVENT_COLUMNS}`

/** Rows that one request looks at; past it the page ends with a cursor, be it short or empty. */
export const EVENTS_SCANNED_MAX = 10_000

/** Bytes after which a page ends: what one request holds in memory has a bound beside the number of its items. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024

/** The conditions of a list of events, and their values. `range` is answered by an index, `filter` row by row. */
export interface EventConditions {
  range: readonly string[]
  filter: readonly string[]
}

/**
 * Lists events; `found` says how many there are up to one more than the limit, of which those past the bytes of a page are
 * left out. What a row holds out of line is read for those that were found, and for the filters that ask for it.
 * Relies on event_records_newest_idx, event_records_account_idx where an account is named, or event_records_event_id_key.
 */
export function toListEventsSql({ range, filter }: EventConditions, limit: number): string {
  const where = filter.length === 0 ? '' : `where ${filter.join(' and ')}`
  return `
select ${EVENT_COLUMNS}, r.found
from (
  select r.*, count(*) over ()::integer as found, sum(octet_length(r.payload::text) + octet_length(r.context::text))
    over (order by r.id desc rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select * from (
      select * from event_records where ${range.join(' and ')} order by id desc limit ${EVENTS_SCANNED_MAX}
    ) r
    ${where}
    order by r.id desc limit ${limit + 1}
  ) r
) r
where coalesce(r.bytes_before, 0) < ${PAGE_BYTES_MAX}
order by r.id desc`
}

/** The last row that was looked at, when there are more. Relies on the same indexes. */
export function toScanEndSql({ range }: EventConditions): string {
  return `
select id from event_records where ${range.join(' and ')}
order by id desc offset ${EVENTS_SCANNED_MAX - 1} limit 2`
}
