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
 * Looks at some dispatchers, by id, for those that may take an event of this name, source and account: enabled, not manual,
 * lasting. Filters are not looked at, and read only for those that are given. Every row says which was the last that was looked
 * at, and whether there may be more; one row without an id when none of them may take it. $3: name, $4, $5: sources,
 * $6: account, or null, $7: after this id, $8: rows looked at, $9: rows given.
 * Relies on event_dispatchers_newest_idx, event_dispatchers_pkey.
 */
export const findCandidatesSql = `
with scanned as materialized (
  select id, enabled and not manual and dispatchable_type <> 'EPHEMERAL' and source in ($4, $5)
    and (external_account_id is null or external_account_id = $6)
    and exists (
      select 1 from unnest(event_names) as entry
      where entry = $3 or (right(entry, 1) = '*' and starts_with($3, left(entry, -1)))) as is_candidate
  from event_dispatchers
  where organization_id = $1 and environment_id = $2 and deleted_at is null and id > $7
  order by id limit $8::int
), candidates as materialized (
  select id from scanned where is_candidate order by id limit $9::int
), page as (
  select (select count(*) from candidates) = $9::int as is_full, (select count(*) from scanned) = $8::int as is_cut
)
select page.is_full or page.is_cut as is_more, p.*,
  case when page.is_full then (select id from candidates order by id desc limit 1)
    else (select id from scanned order by id desc limit 1) end as last_id
from page
left join (
  select d.* from candidates
  cross join lateral (
    select id, event_names, source, filter_language, payload_filter, context_filter, external_account_id
    from event_dispatchers where organization_id = $1 and id = candidates.id offset 0) d
) p on true
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
