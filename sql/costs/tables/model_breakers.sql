-- Failing models, with one row for each model that has failed since it last answered. All workers of a tenant share a
-- model's breaker. Tenants do not share breakers, because each tenant has its own API keys.

create table mayfly_private.model_breakers (
  tenant_id uuid not null,
  provider text collate "C" not null,
  model text collate "C" not null,
  failures integer not null,
  open_until timestamptz,
  probing_until timestamptz,
  last_failure text,
  at timestamptz not null default clock_timestamp(),
  constraint model_breakers_pkey primary key (tenant_id, provider, model),
  constraint model_breakers_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.model_breakers is 'Models that have failed since they last answered.';
comment on column mayfly_private.model_breakers.open_until is 'Until when the model is not called. After that, one call tries the model.';
comment on column mayfly_private.model_breakers.probing_until is 'When the call that tries the model must have ended. After that, another call may try it.';

alter table mayfly_private.model_breakers enable row level security;
