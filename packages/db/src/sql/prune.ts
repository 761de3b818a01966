/** The environments with their retention, page by page. $1, $2: after this one. $3: rows. Relies on the primary key. */
export const listRetentionSql = `
select organization_id, id, retention_days from runtime_environments
where (organization_id, id) > ($1::uuid, $2::uuid) order by organization_id, id limit $3`

/**
 * Removes ended events that outlived their environment's retention, with their deliveries and attempts. Ids are
 * UUIDv7, so an id is also a time. $1: environment's organization, $2: environment, $3: the first id that stays,
 * $4: events at most, $5: about so many deliveries at most. Gives how many are gone, and how many were found to go.
 * Relies on event_records_newest_idx, event_outbox_pkey, deliveries_event_dispatcher_key.
 */
export const pruneEventsSql = `
with old as materialized (
  select e.organization_id, e.id, e.matched_count from event_records e
  where e.organization_id = $1 and e.environment_id = $2 and e.id < $3
    and not exists (
      select 1 from event_outbox b where b.organization_id = e.organization_id and b.event_record_id = e.id offset 0)
    and not exists (
      select 1 from deliveries d
      cross join lateral (
        select from delivery_outbox where organization_id = d.organization_id and delivery_id = d.id offset 0) w
      where d.organization_id = e.organization_id and d.event_record_id = e.id offset 0)
  order by e.id limit $4 for update skip locked
), light as materialized (
  select organization_id, id from (
    select old.*, sum(coalesce(matched_count, 0)) over (order by id) as deliveries, row_number() over (order by id) as n
    from old) weighed
  where deliveries <= $5 or n = 1
), gone as (
  delete from event_records r using light where r.organization_id = any(array[light.organization_id]) and r.id = light.id
  returning 1
)
select (select count(*)::int from gone) as removed, (select count(*)::int from old) as found`

/**
 * Removes an environment's dispatchers and endpoints that were deleted so long ago that nothing refers to them: before
 * $3, and an hour (for clocks that differ) before its oldest delivery was made. Nothing is delivered to a dispatcher
 * after it was deleted. The oldest delivery is looked for in the order of its index: the primary key, which has the same
 * order within one environment, would have all others' read. $1: organization, $2: environment, $4: rows of each at most.
 * Gives how many of each are gone. The environment's set notes the newest version that is gone with a dispatcher, and
 * counts none that is gone; its row is locked after the dispatchers, as everywhere.
 * Relies on deliveries_newest_idx, event_dispatchers_deleted_idx, webhook_endpoints_deleted_idx, dispatcher_sets_pkey.
 */
export const pruneDeletedSql = `
with oldest as materialized (
  select id from (
    select organization_id, environment_id, id from deliveries
    where (organization_id, environment_id, id) > ($1::uuid, $2::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
    order by organization_id, environment_id, id limit 1) first
  where organization_id = $1 and environment_id = $2
), bound as materialized (
  select least($3::timestamptz, (
    select to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) - interval '1 hour'
    from oldest)) as at
), dispatchers as (
  delete from event_dispatchers p using (
    select organization_id, id from event_dispatchers
    where organization_id = $1 and environment_id = $2 and deleted_at < (select at from bound)
    order by deleted_at limit $4 for update skip locked) old
  where p.organization_id = any(array[old.organization_id]) and p.id = old.id
  returning p.set_version, p.is_counted
), noted as (
  update dispatcher_sets s
  set pruned_version = greatest(s.pruned_version, gone.version), live_count = s.live_count - gone.counted
  from (select max(set_version) as version, count(*) filter (where is_counted)::int as counted from dispatchers) gone
  where s.organization_id = $1 and s.environment_id = $2 and gone.version is not null
), endpoints as (
  delete from webhook_endpoints w using (
    select organization_id, id from webhook_endpoints
    where organization_id = $1 and environment_id = $2 and deleted_at < (select at from bound)
    order by deleted_at limit $4 for update skip locked) old
  where w.organization_id = any(array[old.organization_id]) and w.id = old.id
  returning 1
)
select (select count(*)::int from dispatchers) as dispatchers, (select count(*)::int from endpoints) as endpoints`

/** Removes idempotency keys that have run out. $1: rows at most. Relies on idempotency_keys_expires_at_idx. */
export const pruneIdempotencyKeysSql = `
with old as materialized (
  select organization_id, environment_id, key_hash from idempotency_keys
  where expires_at <= now() order by expires_at limit $1 for update skip locked
)
delete from idempotency_keys k using old
where k.organization_id = any(array[old.organization_id]) and k.environment_id = old.environment_id and k.key_hash = old.key_hash`

/** Marks ephemeral dispatchers that ran out as deleted. $1: rows at most. Relies on event_dispatchers_expires_at_idx. */
export const endExpiredDispatchersSql = `
with old as (
  select organization_id, id from event_dispatchers
  where expires_at <= now() and deleted_at is null order by expires_at limit $1 for update skip locked
)
update event_dispatchers d set deleted_at = now(), enabled = false from old
where d.organization_id = any(array[old.organization_id]) and d.id = old.id`

/**
 * Removes outbox rows whose event or delivery is gone with its environment: there is no foreign key that would. $1: rows
 * at most. Materialized: an outbox is usually empty, by the planner's statistics too, and it would look for orphans once for
 * each row of one that is not. Relies on event_outbox_enqueue_at_idx, event_records_pkey.
 */
export const pruneEventOrphansSql = `
with orphan as materialized (
  select o.organization_id, o.event_record_id from event_outbox o
  where o.enqueue_at <= now() + interval '1 minute' and not exists (
    select 1 from event_records r where r.organization_id = o.organization_id and r.id = o.event_record_id)
  order by o.enqueue_at limit $1 for update skip locked
)
delete from event_outbox b using orphan
where b.organization_id = any(array[orphan.organization_id]) and b.event_record_id = orphan.event_record_id`

/** The same for deliveries. $1: rows at most. Relies on delivery_outbox_wake_at_idx, deliveries_pkey. */
export const pruneDeliveryOrphansSql = `
with orphan as materialized (
  select o.organization_id, o.delivery_id from delivery_outbox o
  where o.wake_at <= now() + interval '1 minute' and not exists (
    select 1 from deliveries d where d.organization_id = o.organization_id and d.id = o.delivery_id)
  order by o.wake_at limit $1 for update skip locked
)
delete from delivery_outbox b using orphan
where b.organization_id = any(array[orphan.organization_id]) and b.delivery_id = orphan.delivery_id`
