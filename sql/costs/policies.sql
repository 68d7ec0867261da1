-- Who may see prices, budgets, limits and the ledger. Only functions write them. Everybody may see prices.

alter table mayfly.model_prices enable row level security;

alter table mayfly.model_names enable row level security;

alter table mayfly.budgets enable row level security;

alter table mayfly.model_usage enable row level security;

alter table mayfly.rate_limits enable row level security;

grant select on mayfly.model_prices to authenticated, service_role;

create policy model_prices_select on mayfly.model_prices for select to authenticated
  using (true);

grant select on mayfly.model_names to authenticated, service_role;

create policy model_names_select on mayfly.model_names for select to authenticated
  using (true);

grant select on mayfly.budgets to authenticated, service_role;

create policy budgets_select on mayfly.budgets for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));

grant select on mayfly.model_usage to authenticated, service_role;

create policy model_usage_select on mayfly.model_usage for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));

grant select on mayfly.rate_limits to authenticated, service_role;

create policy rate_limits_select on mayfly.rate_limits for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));
