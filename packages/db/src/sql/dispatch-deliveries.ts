/**
 * pending → in_flight for deliveries that are due and have had just as many attempts as their queue job says. $1, $2, $3:
 * organizations, delivery ids and attempt counts, side by side. $4: milliseconds of the lease. $5: bytes of text over which a
 * body is left out. One that takes more as it is stored is not made text to see that; but numbers with large exponents take
 * more as text. Gives what is sent, and the lease, which stands for this claim. Times come as milliseconds since 1970: reading them as text takes Node longer than all other columns.
 * The organization comes with each row and not as one constant: a constant invites a plan that reads all its deliveries.
 * `offset 0` keeps the planner from turning one look-up for each row into a reading of all events: on a fresh table it
 * takes a group for one row.
 * Relies on deliveries_pkey and event_records_pkey; a HOT update, for no index holds what it changes.
 */
export const claimDeliveriesSql = `
with claimed as (
  update deliveries d
  set state = 'in_flight', updated_at = clock_timestamp(), lease_until = now() + make_interval(secs => $4::float8 / 1000)
  from unnest($1::uuid[], $2::uuid[], $3::int[]) as g(o, i, n)
  where d.organization_id = any(array[g.o]) and d.id = g.i and d.attempt_count = g.n and d.state = 'pending'
    and (d.next_attempt_at is null or d.next_attempt_at <= now() + interval '250 milliseconds')
  returning d.organization_id, d.id, d.environment_id, d.dispatcher_id, d.event_record_id, d.attempt_count,
    d.attempt_offset, d.lease_until
)
select c.id, c.environment_id, c.dispatcher_id, c.attempt_count, c.attempt_offset, c.lease_until::text as lease,
  date_part('epoch', r.created_at) * 1000 as accepted_ms, r.event_id, r.name, r.source,
  date_part('epoch', r."timestamp") * 1000 as timestamp_ms,
  case when body.bytes <= $5 then body.payload end as payload, case when body.bytes <= $5 then body.context end as context,
  r.account_identifier, r.trace_parent
from claimed c
cross join lateral (
  select * from event_records where organization_id = c.organization_id and id = c.event_record_id offset 0) r
cross join lateral (select
  case when pg_column_compression(r.payload) is null then pg_column_size(r.payload) else octet_length(r.payload::text) end +
  case when pg_column_compression(r.context) is null then pg_column_size(r.context) else octet_length(r.context::text) end
  <= $5 as is_small offset 0) stored
cross join lateral (select payload, context, octet_length(payload) + octet_length(context) as bytes from (
  select case when stored.is_small then r.payload::text end as payload, case when stored.is_small then r.context::text end as context
  offset 0) text) body`

/** The body of a delivery's event, as text. Relies on deliveries_pkey, event_records_pkey. */
export const loadBodySql = `
select r.payload::text as payload, r.context::text as context
from deliveries d join event_records r on r.organization_id = d.organization_id and r.id = d.event_record_id
where d.organization_id = $1 and d.id = $2`

/**
 * Records attempts and what follows, while their claims hold: state in_flight and the very lease that was given.
 * The attempt takes the place of the one before it in the delivery's row, which moves to `delivery_attempts`; a first one has none.
 * $1 to $16: columns of the records. Gives one row: how many were recorded, and which, when not all were.
 * Relies on deliveries_pkey, delivery_outbox_pkey.
 */
export const recordAttemptsSql = `
with moved as (
  update deliveries d
  set state = input.s, updated_at = clock_timestamp(), attempt_count = input.n, lease_until = null,
    next_attempt_at = case when input.s = 'pending' then now() + make_interval(secs => input.w::float8 / 1000) end,
    reason = input.y, last_error = input.ec, last_status = input.st, last_number = input.n, last_started_at = input.at,
    last_duration_ms = input.ms, last_outcome = input.out, last_response_status = input.st, last_response_headers = input.h, last_response_body = input.b,
    last_error_code = input.ec, last_error_detail = input.ed, last_address = input.ad,
    settled_at = case when input.s <> 'pending' then now() end
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::int[], $7::text[],
    $8::timestamptz[], $9::int[], $10::text[], $11::int[], $12::jsonb[], $13::text[], $14::text[], $15::text[],
    $16::text[]) as input(o, i, l, n, s, w, y, at, ms, out, st, h, b, ec, ed, ad)
  where d.organization_id = any(array[input.o]) and d.id = input.i and d.state = 'in_flight' and d.lease_until = input.l::timestamptz
  returning d.organization_id, d.id, d.next_attempt_at, input.*
), kept as (
  insert into delivery_attempts (organization_id, delivery_id, number, started_at, duration_ms, outcome,
    response_status, response_headers, response_body, error_code, error_detail, address)
  select moved.o, moved.i, before.last_number, before.last_started_at, before.last_duration_ms, before.last_outcome,
    before.last_response_status, before.last_response_headers, before.last_response_body, before.last_error_code,
    before.last_error_detail, before.last_address
  from moved
  cross join lateral (select * from deliveries where organization_id = moved.o and id = moved.i offset 0) before
  where moved.n > 1 and before.last_number is not null
), closed as (
  delete from delivery_outbox b using moved
  where b.organization_id = any(array[moved.organization_id]) and b.delivery_id = moved.id and moved.next_attempt_at is null
), woken as (
  update delivery_outbox b set wake_at = moved.next_attempt_at + interval '10 seconds' from moved
  where b.organization_id = any(array[moved.organization_id]) and b.delivery_id = moved.id and moved.next_attempt_at is not null
)
select count(*)::int as recorded, case when count(*) < cardinality($2::uuid[]) then array_agg(id::text) end as ids from moved`

/**
 * Puts deliveries off without counting an attempt: claimed ones by their lease, others as pending ones that are due
 * and have had just as many attempts. $1: JSON rows, each with its milliseconds. Relies on deliveries_pkey, delivery_outbox_pkey.
 */
export const parkDeliveriesSql = `
with moved as (
  update deliveries d
  set state = 'pending', lease_until = null, next_attempt_at = now() + make_interval(secs => r.w / 1000)
  from json_to_recordset($1::json) as r(o uuid, i uuid, n int, l timestamptz, w float8)
  where d.organization_id = any(array[r.o]) and d.id = r.i and d.attempt_count = r.n
    and ((d.state = 'in_flight' and d.lease_until = r.l) or (r.l is null and d.state = 'pending'
      and (d.next_attempt_at is null or d.next_attempt_at <= now() + interval '250 milliseconds')))
  returning d.organization_id, d.id, d.next_attempt_at
), woken as (
  update delivery_outbox b set wake_at = moved.next_attempt_at + interval '10 seconds' from moved
  where b.organization_id = any(array[moved.organization_id]) and b.delivery_id = moved.id
)
select id::text from moved`

/** pending → skipped. $1: JSON rows. $2: reason. Relies on deliveries_pkey, delivery_outbox_pkey. */
export const skipDeliveriesSql = `
with moved as (
  update deliveries d set state = 'skipped', reason = $2, settled_at = now(), next_attempt_at = null
  from json_to_recordset($1::json) as r(o uuid, i uuid, n int)
  where d.organization_id = any(array[r.o]) and d.id = r.i and d.attempt_count = r.n and d.state = 'pending'
  returning d.organization_id, d.id
)
delete from delivery_outbox b using moved where b.organization_id = any(array[moved.organization_id]) and b.delivery_id = moved.id`
