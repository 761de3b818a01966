-- Workers follow the changes of an environment's dispatchers by version, instead of reading all of them after each change;
-- the number of live dispatchers is kept, instead of counted at each creation; filters have a language; an event says how
-- many deliveries its fan-out limit kept from being written.
--
-- Locks: event_dispatchers exclusively while live rows are marked and indexes made (seconds for a million rows); the new
-- column of event_records is no rewrite. Old code: its API must have ended before, because it changes dispatchers without
-- stamping and counting them. Its workers may run on: they read what they read before.

-- The version of the environment's set with which the row was changed last. Rows of before are at 0, which is older than
-- every version: a worker that follows changes has read them when it loaded the whole set.
alter table event_dispatchers add column set_version bigint not null default 0;
-- Whether the row stands in live_count. One that ended by itself (used up, run out) stands there until somebody needs its
-- place, so that to end it takes no lock that all dispatchers of the environment share.
alter table event_dispatchers add column is_counted boolean not null default false;
alter table event_dispatchers add column filter_language text collate "C" not null default 'signalbox';
alter table event_dispatchers add constraint event_dispatchers_filter_language_check check (filter_language in ('signalbox', 'eventbridge'));

-- pruned_version: the newest set_version of a row that was removed; who follows from an older one has missed its end.
alter table dispatcher_sets add column pruned_version bigint not null default 0;
alter table dispatcher_sets add column live_count integer not null default 0;

alter table event_records add column fanout_limited integer;

-- To stamp or count a row is no change of what its owner sees.
drop trigger event_dispatchers_updated_at on event_dispatchers;
update event_dispatchers set is_counted = true where deleted_at is null;
create trigger event_dispatchers_updated_at before update on event_dispatchers for each row
  when (new.updated_at is not distinct from old.updated_at and new.set_version = old.set_version
    and new.is_counted = old.is_counted) execute function set_updated_at();

insert into dispatcher_sets (organization_id, environment_id, live_count)
select organization_id, environment_id, count(*) from event_dispatchers where deleted_at is null group by 1, 2
on conflict (organization_id, environment_id) do update set live_count = excluded.live_count;

create index event_dispatchers_changes_idx on event_dispatchers (organization_id, environment_id, set_version, id);
create index event_dispatchers_unsettled_idx on event_dispatchers (organization_id, environment_id) where is_counted and deleted_at is not null;
-- Made anew after the other indexes: of indexes that look equally good, Postgres takes the youngest.
alter table event_dispatchers drop constraint event_dispatchers_pkey;
alter table event_dispatchers add constraint event_dispatchers_pkey primary key (organization_id, id);
