/**
 * Takes events that are due but have not been delivered, and moves the time at which they are looked at again.
 * $1: rows at most. $2: seconds until they are looked at again. $3: whether the queue was found empty; then also events
 * that were published some seconds ago: nobody can be working on them. Relies on event_outbox_enqueue_at_idx.
 */
export const takeDueEventsSql = `
with due as (
  select organization_id, event_record_id from event_outbox
  where enqueue_at <= now() + case when $3 then make_interval(secs => $2 - 3) else interval '0' end and deliver_at <= now()
  order by enqueue_at limit $1 for update skip locked
)
update event_outbox b set enqueue_at = now() + make_interval(secs => $2) from due
where b.organization_id = due.organization_id and b.event_record_id = due.event_record_id
returning b.organization_id, b.event_record_id`

/**
 * Looks at deliveries that have not ended and whose time to be looked at has come: pending ones that are due are given
 * back to be published; a claim whose lease ran out becomes pending and is given back; all others are put off until
 * they can matter. $1, $2, $3 as above. Relies on delivery_outbox_wake_at_idx, deliveries_pkey.
 * A claim that is being recorded at this moment is skipped: whoever records locks the delivery first and its outbox row
 * second, so waiting for it while holding the outbox row would lock both out.
 */
export const takeDueDeliveriesSql = `
with due as materialized (
  select b.organization_id, b.delivery_id, b.dispatcher_id from delivery_outbox b
  where b.wake_at <= now() + case when $3 then make_interval(secs => $2 - 3) else interval '0' end
  order by b.wake_at limit $1 for update skip locked
), seen as materialized (
  select due.*, d.state, d.attempt_count, d.next_attempt_at, d.lease_until
  from due join deliveries d on d.organization_id = due.organization_id and d.id = due.delivery_id
), expired as materialized (
  select d.organization_id, d.id
  from seen join deliveries d on d.organization_id = seen.organization_id and d.id = seen.delivery_id
  where seen.state = 'in_flight' and d.state = 'in_flight' and d.lease_until < now()
  for update of d skip locked
), freed as (
  update deliveries d set state = 'pending', lease_until = null, next_attempt_at = now() from expired
  where d.organization_id = expired.organization_id and d.id = expired.id
  returning d.organization_id, d.id
), ready as (
  select seen.organization_id, seen.delivery_id, seen.dispatcher_id, seen.attempt_count from seen
  left join freed on freed.organization_id = seen.organization_id and freed.id = seen.delivery_id
  where freed.id is not null or (seen.state = 'pending' and coalesce(seen.next_attempt_at, now()) <= now())
), woken as (
  update delivery_outbox b
  set wake_at = case when seen.state = 'in_flight' and seen.lease_until > now() then seen.lease_until + interval '1 second'
    else greatest(now() + make_interval(secs => $2), seen.next_attempt_at + interval '10 seconds') end
  from seen where b.organization_id = seen.organization_id and b.delivery_id = seen.delivery_id
)
select organization_id, delivery_id, dispatcher_id, attempt_count from ready`

/** How much is due and how long the oldest has been: for metrics. Counts up to $1 rows. Relies on the outbox indexes. */
export const measureBacklogSql = `
select
  (select count(*)::int from (select 1 from event_outbox where deliver_at <= now() limit $1) c) as events,
  (select coalesce(extract(epoch from now() - min(deliver_at)), 0)::float8 from (
    select deliver_at from event_outbox order by enqueue_at limit 100) o where deliver_at <= now()) as events_oldest_s,
  (select count(*)::int from (select 1 from delivery_outbox limit $1) c) as deliveries`
