/**
 * Makes the version of an environment's dispatchers new and stamps those that this transaction changed with it. Their
 * number follows from the rows themselves: one that lives and is not counted yet is one more, one that was deleted and
 * still counts is one less. $1: organization, $2: environment, $3: ids of the rows, which this transaction holds.
 * Relies on event_dispatchers_pkey, dispatcher_sets_pkey.
 */
export const bumpDispatcherSetSql = `
with change as (
  select coalesce(sum((deleted_at is null)::int - is_counted::int), 0)::int as count from event_dispatchers
  where organization_id = $1::uuid and environment_id = $2::uuid and id = any($3::uuid[])
), bumped as (
  insert into dispatcher_sets (organization_id, environment_id, live_count)
  select $1::uuid, $2::uuid, count from change
  on conflict (organization_id, environment_id) do update
  set version = dispatcher_sets.version + 1, live_count = dispatcher_sets.live_count + excluded.live_count
  returning version, live_count
), stamped as (
  update event_dispatchers p set set_version = bumped.version, is_counted = p.deleted_at is null from bumped
  where p.organization_id = $1::uuid and p.environment_id = $2::uuid and p.id = any($3::uuid[])
)
select live_count from bumped`

/**
 * Takes the places of dispatchers that ended by themselves: were used up, or ran out and have not been swept yet. Called
 * with the set's row held, so it waits for no dispatcher that someone else holds. Of those that ran out it looks at the
 * oldest of all environments, which is all but nothing while a scheduler sweeps them every few seconds.
 * $1: organization, $2: environment, $3: rows of each kind, $4: rows looked at. Gives how many still count.
 * Relies on event_dispatchers_unsettled_idx, event_dispatchers_expires_at_idx, event_dispatchers_pkey,
 * dispatcher_sets_pkey.
 */
export const settleEndedSql = `
with ended as materialized (
  select id from event_dispatchers
  where organization_id = $1::uuid and environment_id = $2::uuid and is_counted and deleted_at is not null
  limit $3::int for update skip locked
), due as materialized (
  select organization_id, environment_id, id from event_dispatchers
  where expires_at <= now() and deleted_at is null order by expires_at limit $4::int
), expired as materialized (
  select p.id from event_dispatchers p
  where p.organization_id = $1::uuid and p.is_counted and p.deleted_at is null and p.id in (
    select id from due where organization_id = $1::uuid and environment_id = $2::uuid limit $3::int)
  for update skip locked
), settled as (
  update event_dispatchers p
  set is_counted = false, enabled = false, deleted_at = coalesce(p.deleted_at, now())
  where p.organization_id = $1::uuid and p.id in (select id from ended union all select id from expired)
  returning 1
)
update dispatcher_sets set live_count = live_count - (select count(*)::int from settled)
where organization_id = $1::uuid and environment_id = $2::uuid
returning live_count`
