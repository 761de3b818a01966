/** Bytes of filters, as they are stored, after which a page ends: what a worker reads at one time has a bound. */
const PAGE_FILTER_BYTES_MAX = 4 * 1024 * 1024

const RULE_COLUMNS = `p.id, p.event_names, p.source, p.filter_language, p.payload_filter, p.context_filter,
  p.external_account_id, p.expires_at, p.dispatchable_type`

const FILTER_BYTES = 'coalesce(pg_column_size(p.payload_filter), 0) + coalesce(pg_column_size(p.context_filter), 0)'

/**
 * Some of the standing wishes of an environment that are matched by themselves, by id, with the version of its set in the
 * same snapshot; one row without an id when there is none. $3: after this id. $4: rows. A page that filters fill is
 * shorter: `found` counts what is left out of it.
 * Relies on event_dispatchers_newest_idx, dispatcher_sets_pkey.
 */
export const loadRulesPageSql = `
select s.version::text, r.*
from (
  select coalesce((
    select version from dispatcher_sets where organization_id = $1 and environment_id = $2), 0) as version
) s
left join (
  select * from (
    select ${RULE_COLUMNS}, count(*) over ()::int as found,
      sum(${FILTER_BYTES}) over (order by p.id rows between unbounded preceding and 1 preceding) as bytes_before
    from (
      select * from event_dispatchers
      where organization_id = $1 and environment_id = $2 and deleted_at is null and id > $3 and enabled and not manual
        and (expires_at is null or expires_at > now())
      order by id limit $4
    ) p
  ) page
  where coalesce(bytes_before, 0) < ${PAGE_FILTER_BYTES_MAX}
) r on true
order by r.id`

/**
 * Dispatchers that changed after a version, oldest first, each as it stands now, with the versions of the set in the same
 * snapshot; one row without an id when there is none. `is_rule` is false for one that takes no events by itself any more.
 * Whoever sees a version sees every row stamped with it or before, and a row that changes moves on to a newer one: who
 * reads page after page misses none. $3, $4: after this version and id. $5: rows; `found` as above.
 * Relies on event_dispatchers_changes_idx, dispatcher_sets_pkey.
 */
export const loadRuleChangesSql = `
select s.version::text, s.pruned_version::text, r.*
from (select) one
left join dispatcher_sets s on s.organization_id = $1 and s.environment_id = $2
left join (
  select * from (
    select ${RULE_COLUMNS}, p.set_version::text, p.is_rule, count(*) over ()::int as found,
      sum(${FILTER_BYTES}) over (
        order by p.set_version, p.id rows between unbounded preceding and 1 preceding) as bytes_before
    from (
      select *, deleted_at is null and enabled and not manual and (expires_at is null or expires_at > now()) as is_rule
      from event_dispatchers
      where organization_id = $1 and environment_id = $2 and (set_version, id) > ($3::bigint, $4::uuid)
      order by set_version, id limit $5
    ) p
  ) page
  where coalesce(bytes_before, 0) < ${PAGE_FILTER_BYTES_MAX}
) r on true
order by r.set_version::bigint, r.id`

/**
 * Ephemeral dispatchers that were used up or ran out, oldest end first. $3: since this time. $4: rows.
 * Relies on event_dispatchers_deleted_idx.
 */
export const findEndedRulesSql = `
select id, deleted_at from event_dispatchers
where organization_id = $1 and environment_id = $2 and deleted_at >= $3 and dispatchable_type = 'EPHEMERAL'
order by deleted_at limit $4`
