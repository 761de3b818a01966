-- The first schema: tenants, accepted events, dispatchers, deliveries and their trail.
-- Locks: none that matter, every table is new. Old code: there is none.
--
-- Rules that every table keeps (docs/architecture.md, "Data model"):
--   * the primary key, every unique constraint and every foreign key begin with organization_id;
--   * ids are UUIDv7 made by the application, so indexes grow at one end;
--   * updated_at is kept by a trigger, which stays out of the way of statements that set it themselves (the hot ones do);
--   * the primary key is made after the other indexes: of indexes that look equally good, as all do on an empty table,
--     Postgres takes the youngest, and foreign keys keep the plan that was made while the table was empty;
--   * hot tables have no index on what changes, and room on their pages (fillfactor), so that updates stay HOT.

create function set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

create table organizations (
  id uuid not null,
  slug text collate "C" not null,
  name text not null,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  deleted_at timestamptz(6)
);
create unique index organizations_slug_key on organizations (slug);
alter table organizations add constraint organizations_pkey primary key (id);

create table projects (
  organization_id uuid not null,
  id uuid not null,
  slug text collate "C" not null,
  name text not null,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint projects_organization_id_fkey foreign key (organization_id) references organizations (id) on delete cascade on update cascade
);
create unique index projects_organization_id_slug_key on projects (organization_id, slug);
alter table projects add constraint projects_pkey primary key (organization_id, id);

create table runtime_environments (
  organization_id uuid not null,
  id uuid not null,
  project_id uuid not null,
  type text collate "C" not null,
  slug text collate "C" not null,
  unknown_accounts text collate "C" not null default 'ignore',
  limits jsonb not null default '{}',
  retention_days integer not null default 30,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint runtime_environments_project_fkey foreign key (organization_id, project_id) references projects (organization_id, id) on delete cascade on update cascade,
  constraint runtime_environments_type_check check (type in ('PRODUCTION', 'STAGING', 'DEVELOPMENT', 'PREVIEW')),
  constraint runtime_environments_unknown_accounts_check check (unknown_accounts in ('ignore', 'create', 'reject')),
  constraint runtime_environments_retention_days_check check (retention_days between 1 and 3650)
);
create unique index runtime_environments_project_slug_key on runtime_environments (organization_id, project_id, slug);
alter table runtime_environments add constraint runtime_environments_pkey primary key (organization_id, id);

-- A key is looked up by its hash before the tenant is known.
create table api_keys (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  kind text collate "C" not null,
  key_hash bytea not null,
  prefix text not null,
  last4 text not null,
  name text not null default '',
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  expires_at timestamptz(6),
  revoked_at timestamptz(6),
  constraint api_keys_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade,
  constraint api_keys_kind_check check (kind in ('secret', 'public'))
);
create unique index api_keys_key_hash_key on api_keys (key_hash);
create index api_keys_environment_idx on api_keys (organization_id, environment_id);
alter table api_keys add constraint api_keys_pkey primary key (organization_id, id);

create table external_accounts (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  identifier text collate "C" not null,
  metadata jsonb not null default '{}',
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint external_accounts_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade
);
create unique index external_accounts_identifier_key on external_accounts (organization_id, environment_id, identifier);
create index external_accounts_newest_idx on external_accounts (organization_id, environment_id, id);
alter table external_accounts add constraint external_accounts_pkey primary key (organization_id, id);

-- Written once; delivered_at, cancelled_at, failed_at and matched_count are set once and stand in no index.
create table event_records (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  event_id text collate "C" not null,
  name text collate "C" not null,
  source text collate "C" not null,
  "timestamp" timestamptz(6) not null,
  payload jsonb not null,
  payload_type text collate "C" not null,
  context jsonb not null,
  source_context jsonb,
  external_account_id uuid,
  account_identifier text collate "C",
  ordering_key text collate "C",
  trace_parent text collate "C",
  deliver_at timestamptz(6) not null,
  delivered_at timestamptz(6),
  cancelled_at timestamptz(6),
  failed_at timestamptz(6),
  failure_reason text,
  matched_count integer,
  is_test boolean not null,
  internal boolean not null default false,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint event_records_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade,
  constraint event_records_external_account_fkey foreign key (organization_id, external_account_id) references external_accounts (organization_id, id) on delete set null (external_account_id) on update cascade,
  constraint event_records_payload_type_check check (payload_type in ('JSON', 'REQUEST'))
) with (fillfactor = 50);
create index event_records_newest_idx on event_records (organization_id, environment_id, id);
-- Serves the foreign key when an account is deleted, and listing by account. Events without one are not in it.
create index event_records_account_idx on event_records (organization_id, external_account_id, id) where external_account_id is not null;
-- Made after the other indexes, as primary keys are: a look-up by the caller's id must not read a whole environment.
create unique index event_records_event_id_key on event_records (organization_id, environment_id, event_id);
alter table event_records add constraint event_records_pkey primary key (organization_id, id);

-- One row for each event that still has to be delivered. enqueue_at is when the scheduler publishes it (again).
-- No foreign key: the row is written by the very statement that writes the event, and the check would lock each new event.
create table event_outbox (
  organization_id uuid not null,
  event_record_id uuid not null,
  deliver_at timestamptz(6) not null,
  enqueue_at timestamptz(6) not null
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_insert_threshold = -1);
create index event_outbox_enqueue_at_idx on event_outbox (enqueue_at);
-- Events that wait for their time, until they are published; those that are due at once never stand here.
create index event_outbox_unpublished_idx on event_outbox (deliver_at) where enqueue_at = deliver_at;
alter table event_outbox add constraint event_outbox_pkey primary key (organization_id, event_record_id);

create table webhook_endpoints (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  url text not null,
  description text not null default '',
  method text collate "C" not null default 'POST',
  timeout_ms integer not null default 15000,
  concurrency integer not null default 50,
  retry_policy jsonb,
  secrets_sealed text not null,
  headers_sealed text,
  enabled boolean not null default true,
  disabled_reason text,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  deleted_at timestamptz(6),
  constraint webhook_endpoints_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade,
  constraint webhook_endpoints_method_check check (method in ('POST', 'PUT', 'PATCH'))
);
create index webhook_endpoints_newest_idx on webhook_endpoints (organization_id, environment_id, id) where deleted_at is null;
create index webhook_endpoints_deleted_idx on webhook_endpoints (organization_id, environment_id, deleted_at) where deleted_at is not null;
alter table webhook_endpoints add constraint webhook_endpoints_pkey primary key (organization_id, id);

-- Deleted dispatchers stay as rows (deleted_at) while deliveries refer to them: the trail is kept. No index that serves
-- live ones has them.
create table event_dispatchers (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  event_names text[] not null,
  source text collate "C" not null,
  payload_filter jsonb,
  context_filter jsonb,
  manual boolean not null default false,
  enabled boolean not null default true,
  dispatchable_type text collate "C" not null,
  dispatchable_id text collate "C" not null,
  dispatchable jsonb not null,
  secret_sealed text,
  external_account_id uuid,
  expires_at timestamptz(6),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  deleted_at timestamptz(6),
  constraint event_dispatchers_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade,
  constraint event_dispatchers_external_account_fkey foreign key (organization_id, external_account_id) references external_accounts (organization_id, id) on delete restrict on update cascade
);
create unique index event_dispatchers_dispatchable_key on event_dispatchers (organization_id, environment_id, dispatchable_id) where deleted_at is null;
create index event_dispatchers_newest_idx on event_dispatchers (organization_id, environment_id, id) where deleted_at is null;
create index event_dispatchers_deleted_idx on event_dispatchers (organization_id, environment_id, deleted_at) where deleted_at is not null;
create index event_dispatchers_expires_at_idx on event_dispatchers (expires_at) where expires_at is not null and deleted_at is null;
create index event_dispatchers_account_idx on event_dispatchers (organization_id, external_account_id) where external_account_id is not null;
alter table event_dispatchers add constraint event_dispatchers_pkey primary key (organization_id, id);

-- version changes in every transaction that changes a dispatcher of the environment; workers compare it with the set they hold.
create table dispatcher_sets (
  organization_id uuid not null,
  environment_id uuid not null,
  version bigint not null default 1,
  constraint dispatcher_sets_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade
);
alter table dispatcher_sets add constraint dispatcher_sets_pkey primary key (organization_id, environment_id);

-- Nothing that changes stands in an index, so claiming and recording are HOT updates; what is due stands in delivery_outbox.
-- No foreign key to the dispatcher: to remove one would read all deliveries, or take an index on the hottest table. The
-- statements that write deliveries join the environment's dispatchers; one is removed only after its last delivery.
create table deliveries (
  organization_id uuid not null,
  id uuid not null,
  environment_id uuid not null,
  event_record_id uuid not null,
  dispatcher_id uuid not null,
  state text collate "C" not null default 'pending',
  attempt_count integer not null default 0,
  attempt_offset integer not null default 0,
  next_attempt_at timestamptz(6),
  lease_until timestamptz(6),
  reason text,
  last_error text,
  last_status integer,
  settled_at timestamptz(6),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint deliveries_event_fkey foreign key (organization_id, event_record_id) references event_records (organization_id, id) on delete cascade on update cascade,
  constraint deliveries_state_check check (state in ('pending', 'in_flight', 'succeeded', 'dead', 'skipped', 'cancelled'))
) with (fillfactor = 50);
create unique index deliveries_event_dispatcher_key on deliveries (organization_id, event_record_id, dispatcher_id);
create index deliveries_newest_idx on deliveries (organization_id, environment_id, id);
alter table deliveries add constraint deliveries_pkey primary key (organization_id, id);

-- One row for each delivery that has not ended. wake_at is when the scheduler looks at it: past the time at which its
-- queue job should have run, or past its lease. No foreign key, as with event_outbox.
create table delivery_outbox (
  organization_id uuid not null,
  delivery_id uuid not null,
  dispatcher_id uuid not null,
  wake_at timestamptz(6) not null
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_insert_threshold = -1);
create index delivery_outbox_wake_at_idx on delivery_outbox (wake_at);
alter table delivery_outbox add constraint delivery_outbox_pkey primary key (organization_id, delivery_id);

create table delivery_attempts (
  organization_id uuid not null,
  delivery_id uuid not null,
  number integer not null,
  started_at timestamptz(6) not null,
  duration_ms integer not null,
  outcome text collate "C" not null,
  response_status integer,
  response_headers jsonb,
  response_body text,
  error_code text collate "C",
  error_detail text,
  address text,
  constraint delivery_attempts_delivery_fkey foreign key (organization_id, delivery_id) references deliveries (organization_id, id) on delete cascade on update cascade
);
alter table delivery_attempts add constraint delivery_attempts_pkey primary key (organization_id, delivery_id, number);

create table idempotency_keys (
  organization_id uuid not null,
  environment_id uuid not null,
  key_hash bytea not null,
  request_hash bytea not null,
  response_status integer,
  response_body text,
  expires_at timestamptz(6) not null,
  constraint idempotency_keys_environment_fkey foreign key (organization_id, environment_id) references runtime_environments (organization_id, id) on delete cascade on update cascade
);
create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);
alter table idempotency_keys add constraint idempotency_keys_pkey primary key (organization_id, environment_id, key_hash);

do $$
declare tables text[] := array['organizations', 'projects', 'runtime_environments', 'api_keys', 'external_accounts',
  'event_records', 'webhook_endpoints', 'event_dispatchers', 'deliveries'];
declare t text;
begin
  foreach t in array tables loop
    execute format('create trigger %I before update on %I for each row
      when (new.updated_at is not distinct from old.updated_at) execute function set_updated_at()', t || '_updated_at', t);
  end loop;
end
$$;
