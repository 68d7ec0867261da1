-- Files of a tenant, with a row for each version. The content is in the project's Storage, in the bucket
-- mayfly, under <tenant>/<id>. A file is never replaced.

create table mayfly.artifacts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  name text collate "C" not null constraint artifacts_name_length check (char_length(name) between 1 and 200),
  version integer not null,
  media_type text not null constraint artifacts_media_type_length check (char_length(media_type) between 1 and 200),
  size bigint not null constraint artifacts_size_range check (size >= 0),
  sha256 text not null constraint artifacts_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
  metadata jsonb not null default '{}'
    constraint artifacts_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  status text not null default 'writing' constraint artifacts_status_known check (status in ('writing', 'stored')),
  bytes bigint not null,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  constraint artifacts_pkey primary key (tenant_id, id),
  constraint artifacts_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create unique index artifacts_version_key on mayfly.artifacts (tenant_id, team_id, name, version) nulls not distinct;
create index artifacts_writing_idx on mayfly.artifacts (tenant_id, created_at) where status = 'writing';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.artifacts
  alter column team_id set statistics 0,
  alter column name set statistics 0,
  alter column version set statistics 0,
  alter column media_type set statistics 0,
  alter column size set statistics 0,
  alter column sha256 set statistics 0,
  alter column metadata set statistics 0,
  alter column bytes set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.artifacts is 'Files of a tenant in the project''s Storage, by name and version.';
comment on column mayfly.artifacts.team_id is 'The team that owns the artifact, or null if the tenant owns it. The artifact stays when the team has ended.';
comment on column mayfly.artifacts.status is '''writing'' until its file is uploaded, and then ''stored''.';
comment on column mayfly.artifacts.bytes is 'How many bytes the tenant is charged for the file and this row.';
