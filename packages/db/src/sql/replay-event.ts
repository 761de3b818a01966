/**
 * Starts the deliveries of an event to some dispatchers, or starts them over when they have ended: a new run of
 * attempts, numbered on, due at once, and noted for the scheduler. Those still on their way stay as they are.
 * $3: the event's record. $4: new delivery ids, $5: dispatcher ids, in the same order.
 * The event may have been removed meanwhile, and dispatchers deleted: then there is no row for them.
 * Relies on event_records_pkey, event_dispatchers_pkey, deliveries_event_dispatcher_key, delivery_outbox_pkey.
 */
export const replayEventSql = `
with wanted as (
  select w.delivery_id, w.dispatcher_id
  from unnest($4::uuid[], $5::uuid[]) as w(delivery_id, dispatcher_id)
  join event_records r on r.organization_id = $1 and r.environment_id = $2 and r.id = $3
  join event_dispatchers p on p.organization_id = $1 and p.environment_id = $2 and p.id = w.dispatcher_id
  where p.deleted_at is null
), started as (
  insert into deliveries (organization_id, id, environment_id, event_record_id, dispatcher_id, state, next_attempt_at)
  select $1, delivery_id, $2, $3, dispatcher_id, 'pending', now() from wanted order by dispatcher_id
  on conflict (organization_id, event_record_id, dispatcher_id) do update
  set state = 'pending', attempt_offset = deliveries.attempt_count, next_attempt_at = now(), lease_until = null,
    reason = null, settled_at = null
  where deliveries.state not in ('pending', 'in_flight')
  returning id, dispatcher_id, attempt_count
), noted as (
  insert into delivery_outbox (organization_id, delivery_id, dispatcher_id, wake_at)
  select $1, id, dispatcher_id, now() from started
  on conflict (organization_id, delivery_id) do update set wake_at = excluded.wake_at
)
select id, dispatcher_id, attempt_count, true as is_replayed from started
union all
select d.id, d.dispatcher_id, d.attempt_count, false
from wanted join deliveries d
  on d.organization_id = $1 and d.event_record_id = $3 and d.dispatcher_id = wanted.dispatcher_id
where not exists (select 1 from started where started.dispatcher_id = d.dispatcher_id)`

/**
 * Looks at some dispatchers, by id, for those that may take an event of this name and source: enabled, not manual, lasting.
 * Filters are not looked at. Every row says how many were looked at and which was the last; one row without an id when none
 * of them may take it. $3: name, $4, $5: sources, $6: after this id, $7: rows looked at.
 * Relies on event_dispatchers_newest_idx.
 */
export const findCandidatesSql = `
with scanned as materialized (
  select id, event_names, source, filter_language, payload_filter, context_filter, external_account_id,
    enabled and not manual and dispatchable_type <> 'EPHEMERAL' as is_open
  from event_dispatchers
  where organization_id = $1 and environment_id = $2 and deleted_at is null and id > $6
  order by id limit $7
)
select last.id as last_id, last.scanned, p.*
from (select count(*)::int as scanned, (select id from scanned order by id desc limit 1) as id from scanned) last
left join scanned p on p.is_open and p.source in ($4, $5)
  and exists (
    select 1 from unnest(p.event_names) as entry
    where entry = $3 or (right(entry, 1) = '*' and starts_with($3, left(entry, -1))))
order by p.id`

/**
 * Dispatchers, whatever they take, newest first, with what they invoke and whether they have a delivery of the event.
 * $3: rows. $4: the event's record. $5: only older than this id, or null. $6: only this one, or null.
 * Relies on event_dispatchers_newest_idx, webhook_endpoints_pkey, deliveries_event_dispatcher_key.
 */
export const findDispatchersToExplainSql = `
select p.id, p.event_names, p.source, p.filter_language, p.payload_filter, p.context_filter, p.external_account_id, p.enabled, p.manual,
  p.expires_at, p.dispatchable_type, coalesce(p.dispatchable ->> 'id', p.dispatchable_id) as dispatchable_id,
  p.created_at, p.updated_at, w.url,
  p.dispatchable_type = 'WEBHOOK' and coalesce(not w.enabled, true) as is_endpoint_disabled,
  exists (
    select 1 from deliveries d where d.organization_id = $1 and d.event_record_id = $4 and d.dispatcher_id = p.id
  ) as has_delivery
from (
  select * from event_dispatchers
  where organization_id = $1 and environment_id = $2 and deleted_at is null and ($5::uuid is null or id < $5::uuid)
    and ($6::uuid is null or id = $6::uuid)
  order by id desc limit $3
) p
left join webhook_endpoints w on w.organization_id = $1 and w.environment_id = $2 and w.deleted_at is null
  and w.id = case when p.dispatchable_type = 'WEBHOOK' then (p.dispatchable ->> 'id')::uuid end
order by p.id desc`

/** How a dispatcher stands to a replay; no row when the environment has none. Relies on event_dispatchers_pkey. */
export const findReplayTargetSql = `
select case
    when dispatchable_type = 'EPHEMERAL' then 'once'
    when not enabled then 'disabled'
    else 'ready'
  end as target
from event_dispatchers
where organization_id = $1 and environment_id = $2 and id = $3 and deleted_at is null`
