-- The last attempt of a delivery stands in the delivery's own row, which is written at that moment anyhow; delivery_attempts
-- holds those before it. Most deliveries have one attempt, and so have no row there.
--
-- Locks: deliveries, wholly (ACCESS EXCLUSIVE), for a moment, once the transactions that use it have ended. The fillfactor is for
-- pages that are still to come. Old code runs against it, and what it stores is read by the new; the old API does not show the
-- last attempts that new workers make. What old workers set too (last_status, last_error) is no part of the attempt.

alter table deliveries
  add column last_number integer,
  add column last_started_at timestamptz(6),
  add column last_duration_ms integer,
  add column last_outcome text collate "C",
  add column last_response_status integer,
  add column last_response_headers jsonb,
  add column last_response_body text,
  add column last_error_code text collate "C",
  add column last_error_detail text,
  add column last_address text,
  -- Room in each page for rows that grow by an attempt with a usual answer: else they would move to another page, and get new
  -- entries in all indexes.
  set (fillfactor = 25);

-- Every attempt of every delivery.
create view all_delivery_attempts as
select organization_id, id as delivery_id, last_number as number, last_started_at as started_at,
  last_duration_ms as duration_ms, last_outcome as outcome, last_response_status as response_status,
  last_response_headers as response_headers, last_response_body as response_body, last_error_code as error_code,
  last_error_detail as error_detail, last_address as address
from deliveries where last_number is not null
union all
select organization_id, delivery_id, number, started_at, duration_ms, outcome, response_status, response_headers,
  response_body, error_code, error_detail, address
from delivery_attempts;
