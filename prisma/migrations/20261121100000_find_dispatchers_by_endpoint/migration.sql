-- The dispatchers that send to an endpoint are found by an index when it is deleted, instead of among all of the environment.
--
-- Locks: writing to event_dispatchers waits while the index is made, reading too while the primary key is made anew (a second or
-- two for a million rows each). Old code runs against it.

create index event_dispatchers_endpoint_idx on event_dispatchers (organization_id, environment_id, (dispatchable ->> 'id'))
  where deleted_at is null and dispatchable_type = 'WEBHOOK';
-- Made anew after the other indexes: of indexes that look equally good, Postgres takes the youngest.
alter table event_dispatchers drop constraint event_dispatchers_pkey;
alter table event_dispatchers add constraint event_dispatchers_pkey primary key (organization_id, id);
