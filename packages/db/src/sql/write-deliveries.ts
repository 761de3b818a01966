import type { InsertMode } from '../optimistic-insert.js'

/**
 * Delivers a group of events in one statement: takes their outbox rows, marks them delivered, writes their deliveries.
 * The events come in the order in which everyone locks outbox rows: by organization, then by event.
 * An event whose outbox row is gone (delivered by another worker, or cancelled) gets nothing.
 * `is true` keeps it one look-up in a hash table: the planner would make a join of it, and may make that row by row.
 * A dispatcher that is not the environment's own gets nothing either: there is no foreign key that would refuse it.
 * As `new`, it fails with `deliveries_event_dispatcher_key` when a replay has made one of the deliveries already; as `maybe_known`,
 * it leaves that one alone.
 * $1 to $5: columns of the events (o, i, number of deliveries m, deliveries beyond the fan-out l, failure f). $6 to $10:
 * columns of the deliveries (o, e, i, event v, dispatcher d). $11: seconds after which the scheduler looks at a delivery.
 * Gives the events that were ours.
 * Relies on event_outbox_pkey, event_records_pkey, event_dispatchers_pkey, deliveries_event_dispatcher_key.
 */
export const writeDeliveriesSql: Readonly<Record<InsertMode, string>> = {
  new: buildWriteSql(''),
  maybe_known: buildWriteSql('on conflict (organization_id, event_record_id, dispatcher_id) do nothing'),
}

function buildWriteSql(onConflict: string): string {
  return `
with taken as (
  delete from event_outbox b
  using unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::text[]) as event(o, i, m, l, f)
  where b.organization_id = any(array[event.o]) and b.event_record_id = event.i and b.deliver_at <= now()
  returning b.organization_id as o, b.event_record_id as i, event.m, event.l, event.f
), marked as (
  update event_records r
  set updated_at = clock_timestamp(), delivered_at = case when taken.f is null then now() end, matched_count = taken.m,
    fanout_limited = taken.l,
    failed_at = case when taken.f is not null then now() end, failure_reason = taken.f
  from taken where r.organization_id = any(array[taken.o]) and r.id = taken.i
), written as (
  insert into deliveries (organization_id, environment_id, id, event_record_id, dispatcher_id)
  select x.o, x.e, x.i, x.v, x.d
  from unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[]) as x(o, e, i, v, d)
  cross join lateral (
    select from event_dispatchers p where p.organization_id = x.o and p.id = x.d and p.environment_id = x.e offset 0) p
  where ((x.o, x.v) in (select o, i from taken)) is true
  ${onConflict}
  returning organization_id, id, dispatcher_id
), boxed as (
  insert into delivery_outbox (organization_id, delivery_id, dispatcher_id, wake_at)
  select organization_id, id, dispatcher_id, now() + make_interval(secs => $11) from written
)
select count(*)::int as taken, case when count(*) < cardinality($2::uuid[]) then array_agg(i::text) end as ids
from taken`
}

/**
 * Writes some of the deliveries of an event whose outbox row the transaction holds, ahead of the statement above. $1 to
 * $5: columns of deliveries, as there. $6: seconds after which the scheduler looks at a delivery. Relies on
 * event_dispatchers_pkey, deliveries_event_dispatcher_key.
 */
export const addDeliveriesSql = `
with written as (
  insert into deliveries (organization_id, environment_id, id, event_record_id, dispatcher_id)
  select x.o, x.e, x.i, x.v, x.d
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[]) as x(o, e, i, v, d)
  cross join lateral (
    select from event_dispatchers p where p.organization_id = x.o and p.id = x.d and p.environment_id = x.e offset 0) p
  on conflict (organization_id, event_record_id, dispatcher_id) do nothing
  returning organization_id, id, dispatcher_id
)
insert into delivery_outbox (organization_id, delivery_id, dispatcher_id, wake_at)
select organization_id, id, dispatcher_id, now() + make_interval(secs => $6) from written`

/** Locks the outbox rows of events that are still to be delivered; gives those events. Relies on event_outbox_pkey. */
export const lockUndeliveredSql = `
select b.event_record_id::text as id
from json_to_recordset($1::json) as r(o uuid, i uuid)
join event_outbox b on b.organization_id = any(array[r.o]) and b.event_record_id = r.i
where b.deliver_at <= now()
order by b.organization_id, b.event_record_id for update of b`

/**
 * Uses up dispatchers that take one event only. $1: JSON rows, repeats allowed. Gives those that this transaction was the
 * one to use up. It makes no version new: one used up gets nothing more whoever still holds it in memory, and all workers
 * of an environment would wait here for the row of its set. Relies on event_dispatchers_pkey. Everyone locks dispatchers
 * in the order of their ids.
 */
export const useUpDispatchersSql = `
with held as materialized (
  select p.organization_id, p.id from event_dispatchers p
  where (p.organization_id, p.id) in (select o, i from json_to_recordset($1::json) as r(o uuid, i uuid))
    and p.enabled and p.deleted_at is null and (p.expires_at is null or p.expires_at > now())
  order by p.organization_id, p.id for update of p
), used as (
  update event_dispatchers p set deleted_at = now(), enabled = false from held
  where p.organization_id = any(array[held.organization_id]) and p.id = held.id
  returning p.id
)
select id::text from used`
