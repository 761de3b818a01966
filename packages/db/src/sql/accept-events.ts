/**
 * Stores a group of events with their outbox rows in one statement; ids that are there already are left alone.
 * $1: a JSON array of rows. $2: seconds after which the scheduler publishes an event that was due at once.
 * Gives one row: how many were stored, and which, when not all were.
 * Relies on event_records_event_id_key. The order keeps two groups with the same ids from locking each other out.
 */
export const acceptEventsSql = `
with input as materialized (
  select * from json_to_recordset($1::json) as r(
    o uuid, e uuid, i uuid, c text, n text, s text, t timestamptz, p jsonb, pt text, x jsonb,
    a uuid, ai text, sc jsonb, ok text, tp text, d timestamptz, due boolean, test boolean)
), stored as (
  insert into event_records (organization_id, id, environment_id, event_id, name, source, "timestamp", payload,
    payload_type, context, external_account_id, account_identifier, source_context,
    ordering_key, trace_parent, deliver_at, is_test)
  select o, i, e, c, n, s, t, p, pt, x, a, ai, sc, ok, tp, d, test from input order by e, c
  on conflict (organization_id, environment_id, event_id) do nothing
  returning id
), boxed as (
  insert into event_outbox (organization_id, event_record_id, deliver_at, enqueue_at)
  select o, i, case when due then now() else d end, case when due then now() + make_interval(secs => $2) else d end
  from input join stored on stored.id = input.i
)
select count(*)::int as stored,
  case when count(*) < json_array_length($1::json) then array_agg(id::text) end as ids
from stored`
