/**
 * Sends events again whose ids are stored: one that is pending and due only after $2 seconds takes the given payload,
 * payload type, context and time; every other one stays as it is. $1: a JSON array of rows, different ids.
 * Gives the stored events, and whether each still has to be queued now.
 * Relies on event_records_event_id_key and event_outbox_pkey. Locks outbox rows in the order of their events.
 */
export const resendEventsSql = `
with input as materialized (
  select * from json_to_recordset($1::json) as r(
    o uuid, e uuid, c text, p jsonb, pt text, x jsonb, d timestamptz, due boolean)
), found as materialized (
  select r.organization_id, r.id from input
  join event_records r on r.organization_id = input.o and r.environment_id = input.e and r.event_id = input.c
), held as materialized (
  select b.organization_id, b.event_record_id, b.deliver_at
  from event_outbox b join found on found.organization_id = b.organization_id and found.id = b.event_record_id
  order by b.organization_id, b.event_record_id for update of b
), changed as (
  update event_records r
  set payload = coalesce(input.p, r.payload), payload_type = coalesce(input.pt, r.payload_type),
    context = coalesce(input.x, r.context), deliver_at = input.d
  from input, held
  where r.organization_id = held.organization_id and r.id = held.event_record_id
    and held.deliver_at >= now() + make_interval(secs => $2)
    and r.organization_id = input.o and r.environment_id = input.e and r.event_id = input.c
  returning r.organization_id, r.id, r.event_id, r.environment_id, r.name, r.payload, r.context, r."timestamp",
    r.deliver_at, r.delivered_at, r.cancelled_at, input.due
), reboxed as (
  update event_outbox b
  set deliver_at = case when changed.due then now() else changed.deliver_at end,
    enqueue_at = case when changed.due then now() + make_interval(secs => $3) else changed.deliver_at end
  from changed where b.organization_id = changed.organization_id and b.event_record_id = changed.id
)
select organization_id, id, environment_id, event_id, name, payload, context, "timestamp", deliver_at, delivered_at,
  cancelled_at, due as is_due
from changed
union all
select r.organization_id, r.id, r.environment_id, r.event_id, r.name, r.payload, r.context, r."timestamp",
  r.deliver_at, r.delivered_at, r.cancelled_at, coalesce(held.deliver_at <= now(), false)
from found
join event_records r on r.organization_id = found.organization_id and r.id = found.id
left join held on held.organization_id = found.organization_id and held.event_record_id = found.id
where not exists (select 1 from changed where changed.organization_id = found.organization_id and changed.id = found.id)`
