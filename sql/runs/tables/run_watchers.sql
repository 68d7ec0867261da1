-- Until when somebody listens to a run. The stream of the run is broadcast only until then.

create table mayfly_private.run_watchers (
  tenant_id uuid not null,
  run_id uuid not null,
  until timestamptz not null,
  constraint run_watchers_pkey primary key (tenant_id, run_id),
  constraint run_watchers_run_fkey foreign key (tenant_id, run_id) references mayfly.runs (tenant_id, id) on delete cascade
);

comment on table mayfly_private.run_watchers is 'Runs that somebody listens to.';

alter table mayfly_private.run_watchers enable row level security;
