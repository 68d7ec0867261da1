-- How long a tenant keeps its facts. A tenant without a row keeps all of them.

create table mayfly.fact_settings (
  tenant_id uuid not null constraint fact_settings_pkey primary key
    constraint fact_settings_tenant_fkey references mayfly.tenants (id) on delete cascade,
  ended_kept interval constraint fact_settings_ended_kept_range check (ended_kept between '1 minute' and '100 years')
);

comment on table mayfly.fact_settings is 'How a tenant keeps its facts.';
comment on column mayfly.fact_settings.ended_kept is 'How long a fact is kept after its end. Null means forever.';
