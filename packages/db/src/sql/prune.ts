/**
 * Removes ended events that outlived their environment's retention, with their deliveries and attempts. Ids are
 * UUIDv7, so an id is also a time. $1: environment's organization, $2: environment, $3: the first id that stays,
 * $4: rows at most. Relies on event_records_newest_idx, event_outbox_pkey, deliveries_event_dispatcher_key.
 */
export const pruneEventsSql = `
delete from event_records r using (
  select e.organization_id, e.id from event_records e
  where e.organization_id = $1 and e.environment_id = $2 and e.id < $3
    and not exists (select 1 from event_outbox b where b.organization_id = e.organization_id and b.event_record_id = e.id)
    and not exists (
      select 1 from deliveries d
      join delivery_outbox w on w.organization_id = d.organization_id and w.delivery_id = d.id
      where d.organization_id = e.organization_id and d.event_record_id = e.id)
  order by e.id limit $4 for update skip locked
) old
where r.organization_id = old.organization_id and r.id = old.id`

/** Removes idempotency keys that have run out. $1: rows at most. Relies on idempotency_keys_expires_at_idx. */
export const pruneIdempotencyKeysSql = `
delete from idempotency_keys k using (
  select organization_id, environment_id, key_hash from idempotency_keys
  where expires_at <= now() order by expires_at limit $1 for update skip locked
) old
where k.organization_id = old.organization_id and k.environment_id = old.environment_id and k.key_hash = old.key_hash`

/** Marks ephemeral dispatchers that ran out as deleted. $1: rows at most. Relies on event_dispatchers_expires_at_idx. */
export const endExpiredDispatchersSql = `
with old as (
  select organization_id, id from event_dispatchers
  where expires_at <= now() and deleted_at is null order by expires_at limit $1 for update skip locked
)
update event_dispatchers d set deleted_at = now(), enabled = false from old
where d.organization_id = old.organization_id and d.id = old.id`

/** The environments with their retention, page by page. $1, $2: after this one. $3: rows. Relies on the primary key. */
export const listRetentionSql = `
select organization_id, id, retention_days from runtime_environments
where (organization_id, id) > ($1::uuid, $2::uuid) order by organization_id, id limit $3`

/**
 * Removes outbox rows whose event or delivery is gone with its environment: there is no foreign key that would. $1: rows
 * at most. Relies on event_outbox_enqueue_at_idx, event_records_pkey.
 */
export const pruneEventOrphansSql = `
delete from event_outbox b using (
  select o.organization_id, o.event_record_id from event_outbox o
  where o.enqueue_at <= now() + interval '1 minute' and not exists (
    select 1 from event_records r where r.organization_id = o.organization_id and r.id = o.event_record_id)
  order by o.enqueue_at limit $1 for update skip locked
) orphan
where b.organization_id = orphan.organization_id and b.event_record_id = orphan.event_record_id`

/** The same for deliveries. $1: rows at most. Relies on delivery_outbox_wake_at_idx, deliveries_pkey. */
export const pruneDeliveryOrphansSql = `
delete from delivery_outbox b using (
  select o.organization_id, o.delivery_id from delivery_outbox o
  where o.wake_at <= now() + interval '1 minute' and not exists (
    select 1 from deliveries d where d.organization_id = o.organization_id and d.id = o.delivery_id)
  order by o.wake_at limit $1 for update skip locked
) orphan
where b.organization_id = orphan.organization_id and b.delivery_id = orphan.delivery_id`
