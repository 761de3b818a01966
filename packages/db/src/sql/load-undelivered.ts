/**
 * Loads the events of a group that are neither delivered nor cancelled, with the version of their environment's dispatchers as it
 * stands in the same snapshot, and the limit of their fan-out, null unless it was set. $1, $2: organization and event
 * ids, side by side. The limit is read in a select of its own, which costs a microsecond: as a join the planner begins with
 * it, and looks at every event of the group once for each environment of its organization.
 * Whether they still stand in the outbox, and are due, is not asked here: whoever writes their deliveries takes those from it
 * that are, by the clock of Postgres. An event's own `deliver_at` is by the clock of the process that accepted it.
 * Relies on event_records_pkey, dispatcher_sets_pkey, runtime_environments_pkey.
 */
export const loadUndeliveredSql = `
select r.organization_id, r.environment_id, r.id, r.name, r.source, r.external_account_id, r.payload_type,
  coalesce(s.version, 0)::text as version,
  (select limits -> 'fanoutMax' from runtime_environments
    where organization_id = r.organization_id and id = r.environment_id) as fanout_max
from unnest($1::uuid[], $2::uuid[]) as g(o, i)
cross join lateral (select * from event_records where organization_id = g.o and id = g.i offset 0) r
left join dispatcher_sets s on s.organization_id = r.organization_id and s.environment_id = r.environment_id
where r.delivered_at is null and r.cancelled_at is null and r.failed_at is null
order by r.organization_id, r.id`

/** Loads what filters look at, as text. $1, $2: organization and event ids. Relies on event_records_pkey. */
export const loadBodiesSql = `
select r.id, r.payload::text as payload, r.context::text as context, r.event_id, r.timestamp, r.account_identifier
from unnest($1::uuid[], $2::uuid[]) as g(o, i)
join event_records r on r.organization_id = any(array[g.o]) and r.id = g.i`
