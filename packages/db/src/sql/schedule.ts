/**
 * Takes events that are due but have not been delivered, and moves the time at which they are looked at again: those
 * that were never published, and those whose queue job must be lost. $1: rows at most. $2: seconds after which a
 * published event is looked at. $3: whether the queue was found empty; then also events that were published some seconds
 * ago: nobody can be working on them. $4: when the oldest job that waits in the queue was published; jobs of events
 * published after that are still ahead in the queue, so these are left alone, and not even read.
 * An event that waits for its time has enqueue_at = deliver_at until it is published.
 * Relies on event_outbox_unpublished_idx, event_outbox_enqueue_at_idx, event_outbox_pkey.
 */
export const takeDueEventsSql = `
with fresh as materialized (
  select organization_id, event_record_id from event_outbox
  where enqueue_at = deliver_at and deliver_at <= now()
  order by deliver_at limit $1 for update skip locked
), lost as materialized (
  select organization_id, event_record_id from event_outbox
  where deliver_at <= now() and enqueue_at <= least(
    now() + case when $3 then make_interval(secs => $2 - 3) else interval '0' end,
    $4::timestamptz + make_interval(secs => $2))
  order by enqueue_at limit $1 for update skip locked
), due as materialized (
  select * from fresh union select * from lost limit $1
)
update event_outbox b set enqueue_at = now() + make_interval(secs => $2) from due
where b.organization_id = any(array[due.organization_id]) and b.event_record_id = due.event_record_id
returning b.organization_id, b.event_record_id`

/**
 * Looks at deliveries that have not ended and whose time to be looked at has come. Pending ones that are due and whose
 * queue job must be lost, and claims whose lease ran out, become due now and are given back to be published; all others
 * are put off until they can matter: a job that is still ahead in the queue until about its turn. $1, $2, $3, $4 as
 * above. Gives in each row how many were looked at; one row without a delivery when there is none to publish.
 * Relies on delivery_outbox_wake_at_idx, deliveries_pkey.
 * A delivery that is being claimed or recorded at this moment is skipped: whoever records locks the delivery first and
 * its outbox row second, so waiting for it while holding the outbox row would lock both out.
 */
export const takeDueDeliveriesSql = `
with due as materialized (
  select b.organization_id, b.delivery_id, b.dispatcher_id from delivery_outbox b
  where b.wake_at <= now() + case when $3 then make_interval(secs => $2 - 3) else interval '0' end
  order by b.wake_at limit $1 for update skip locked
), seen as materialized (
  select due.*, d.state, d.next_attempt_at, d.lease_until, greatest(d.created_at, d.next_attempt_at) as queued_at
  from due left join deliveries d on d.organization_id = any(array[due.organization_id]) and d.id = due.delivery_id
), held as materialized (
  select d.organization_id, d.id, seen.dispatcher_id
  from seen join deliveries d on d.organization_id = any(array[seen.organization_id]) and d.id = seen.delivery_id
  where (seen.state = 'in_flight' and d.state = 'in_flight' and d.lease_until < now())
    or (seen.state = 'pending' and d.state = 'pending' and seen.queued_at <= now()
      and ($4::timestamptz is null or seen.queued_at < $4))
  for update of d skip locked
), ready as (
  update deliveries d set state = 'pending', lease_until = null, next_attempt_at = now() from held
  where d.organization_id = any(array[held.organization_id]) and d.id = held.id
  returning d.organization_id, d.id as delivery_id, held.dispatcher_id, d.attempt_count
), woken as (
  update delivery_outbox b
  set wake_at = case when seen.state = 'in_flight' and seen.lease_until > now()
    then greatest(seen.lease_until + interval '1 second', case when $3 then now() + make_interval(secs => $2) end)
    else greatest(now() + make_interval(secs => $2), seen.next_attempt_at + interval '10 seconds',
      case when seen.queued_at between $4 and now() then seen.queued_at + (now() - $4) end) end
  from seen where b.organization_id = any(array[seen.organization_id]) and b.delivery_id = seen.delivery_id
)
select looked.count as looked, ready.*
from (select count(*)::int as count from due) looked left join ready on true`

/**
 * How much is due and how long the oldest has been: for metrics. Counts up to $1 rows. $2: seconds after which a
 * published event is looked at: events that are due stand no later than that in the index. Relies on the outbox indexes.
 */
export const measureBacklogSql = `
select
  (select count(*)::int from (
    select 1 from event_outbox
    where deliver_at <= now() and enqueue_at <= now() + make_interval(secs => $2) limit $1) c) as events,
  (select coalesce(extract(epoch from now() - min(deliver_at)), 0)::float8 from (
    select deliver_at from event_outbox order by enqueue_at limit 100) o where deliver_at <= now()) as events_oldest_s,
  (select count(*)::int from (select 1 from delivery_outbox limit $1) c) as deliveries`
