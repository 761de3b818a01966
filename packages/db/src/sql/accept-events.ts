import type { InsertMode } from '../optimistic-insert.js'

/**
 * Stores a group of events with their outbox rows in one statement. As `new`, it fails with `event_records_event_id_key` when
 * an id is there already; as `maybe_known`, it leaves such ids alone.
 * $1 to $17: columns of the rows, side by side. $18: until when an event is due at once. $19: seconds after which the
 * scheduler publishes one that was.
 * Gives one row: how many were stored, and which, when not all were.
 * Relies on event_records_event_id_key. The order keeps two groups with the same ids from locking each other out.
 */
export const acceptEventsSql: Readonly<Record<InsertMode, string>> = {
  new: buildAcceptSql(''),
  maybe_known: buildAcceptSql('on conflict (organization_id, environment_id, event_id) do nothing'),
}

function buildAcceptSql(onConflict: string): string {
  return `
with stored as (
  insert into event_records (organization_id, id, environment_id, event_id, name, source, "timestamp", payload,
    payload_type, context, external_account_id, account_identifier, source_context,
    ordering_key, trace_parent, deliver_at, is_test)
  select o, i, e, c, n, s, t, p, pt, x, a, ai, sc, ok, tp, d, test
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
    $8::jsonb[], $9::text[], $10::jsonb[], $11::uuid[], $12::text[], $13::jsonb[], $14::text[], $15::text[],
    $16::timestamptz[], $17::boolean[]) as r(o, e, i, c, n, s, t, p, pt, x, a, ai, sc, ok, tp, d, test)
  order by e, c
  ${onConflict}
  returning organization_id as o, id, deliver_at as d, deliver_at <= $18 as is_due
), boxed as (
  insert into event_outbox (organization_id, event_record_id, deliver_at, enqueue_at)
  select o, id, case when is_due then now() else d end, case when is_due then now() + make_interval(secs => $19) else d end
  from stored
)
select count(*)::int as stored,
  case when count(*) < cardinality($3::uuid[]) then array_agg(id::text) end as ids
from stored`
}
