-- The log: what happened to which thing, as ids and field names, never content. Only triggers and append_events write
-- it, for rows whose tenant exists. So the table has no foreign key, which would check the tenant again for each event
-- and take 8 µs. When a tenant is deleted, its events go too: see mayfly_private.forget_log.

create table mayfly.events (
  tenant_id uuid not null,
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  epoch integer not null,
  audience uuid,
  type text not null,
  agent_id uuid,
  subject uuid,
  version integer,
  fields text[],
  at timestamptz not null default clock_timestamp(),
  constraint events_pkey primary key (tenant_id, xid, id)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.events
  alter column audience set statistics 0,
  alter column agent_id set statistics 0,
  alter column subject set statistics 0,
  alter column fields set statistics 0;

comment on table mayfly.events is 'The log of a tenant. Readers follow it with the cursor that mayfly.sync returns.';
comment on column mayfly.events.xid is 'The transaction that wrote it. Together with pg_snapshot, it keeps a cursor from missing anything.';
comment on column mayfly.events.audience is 'Null for the whole tenant. Otherwise the one agent or person that may see it.';
comment on column mayfly.events.subject is 'The id of the thing that it happened to.';
