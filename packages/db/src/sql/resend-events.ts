/** What is answered of a stored event, for a table named r. */
const STORED_COLUMNS = `r.organization_id, r.id, r.environment_id, r.event_id, r.name, r.payload, r.context,
  r."timestamp", r.deliver_at, r.delivered_at, r.cancelled_at`

/**
 * Sends events again whose ids are stored: one that is pending and due only after $2 seconds takes the given payload,
 * payload type, context and time; every other one stays as it is. $1: a JSON array of rows, different ids.
 * Gives the stored events, and whether each still has to be queued now.
 * Relies on event_records_event_id_key, event_records_pkey, event_outbox_pkey. Locks outbox rows in the order of their
 * events. Each step carries on what the one before found, because joining two of them anew is quadratic: the planner
 * takes each for one row. For the same reason `offset 0` keeps one look-up for each row.
 */
export const resendEventsSql = `
with input as materialized (
  select * from json_to_recordset($1::json) as r(
    o uuid, e uuid, c text, p jsonb, pt text, x jsonb, d timestamptz, due boolean)
), found as materialized (
  select input.o as organization_id, r.id, input.p, input.pt, input.x, input.d, input.due from input
  cross join lateral (
    select id from event_records where organization_id = input.o and environment_id = input.e and event_id = input.c
    offset 0) r
), held as materialized (
  select found.*, b.deliver_at as due_at
  from found join event_outbox b on b.organization_id = any(array[found.organization_id]) and found.id = b.event_record_id
  order by b.organization_id, b.event_record_id for update of b
), changed as (
  update event_records r
  set payload = coalesce(held.p, r.payload), payload_type = coalesce(held.pt, r.payload_type),
    context = coalesce(held.x, r.context), deliver_at = held.d
  from held
  where r.organization_id = any(array[held.organization_id]) and r.id = held.id
    and held.due_at >= now() + make_interval(secs => $2)
  returning ${STORED_COLUMNS}, held.due
), reboxed as (
  update event_outbox b
  set deliver_at = case when changed.due then now() else changed.deliver_at end,
    enqueue_at = case when changed.due then now() + make_interval(secs => $3) else changed.deliver_at end
  from changed where b.organization_id = any(array[changed.organization_id]) and b.event_record_id = changed.id
)
select r.*, r.due as is_due from changed r
union all
select ${STORED_COLUMNS}, null, held.due_at <= clock_timestamp()
from held join event_records r on r.organization_id = any(array[held.organization_id]) and r.id = held.id
where held.due_at < now() + make_interval(secs => $2)
union all
select ${STORED_COLUMNS}, null, false
from found join event_records r on r.organization_id = any(array[found.organization_id]) and r.id = found.id
where found.id not in (select id from held)`
