import { PAGE_BYTES_MAX } from './read-events.js'

/**
 * Deliveries of one event, newest first, each with its newest attempts in rising order; those past the bytes of a page
 * are left out, and `found` counts them too.
 * $2: the event's record. $3: only older than this id, or null. $4: rows. $5: attempts of each. $6: only of this dispatcher,
 * or null.
 * Relies on deliveries_event_dispatcher_key, event_dispatchers_pkey, deliveries_pkey, delivery_attempts_pkey.
 */
export const eventDeliveriesSql = `
select *
from (
  select d.id, d.dispatcher_id, p.dispatchable_type, p.dispatchable_id, d.state, d.attempt_count, d.next_attempt_at,
    d.reason, d.last_error, d.last_status, d.settled_at, d.created_at, d.updated_at, a.attempts,
    count(*) over ()::integer as found,
    sum(octet_length(a.attempts::text)) over (order by d.id desc rows between unbounded preceding and 1 preceding)
      as bytes_before
  from (
    select * from deliveries
    where organization_id = $1 and event_record_id = $2 and ($3::uuid is null or id < $3::uuid)
      and ($6::uuid is null or dispatcher_id = $6::uuid)
    order by id desc limit $4
  ) d
  join event_dispatchers p on p.organization_id = $1 and p.id = d.dispatcher_id
  cross join lateral (
    select coalesce(json_agg(t order by t.number), '[]') as attempts
    from (
      select number, started_at, duration_ms, outcome, response_status, response_headers, response_body, error_code,
        error_detail, address
      from all_delivery_attempts
      where organization_id = $1 and delivery_id = d.id
      order by number desc limit $5
    ) t
  ) a
) r
where coalesce(bytes_before, 0) < ${PAGE_BYTES_MAX}
order by id desc`
