-- Who may see channels and their subscriptions. Only functions write them.

alter table mayfly.channels enable row level security;

alter table mayfly.channel_subscriptions enable row level security;

-- Everybody in the tenant may know that a channel exists, but not what was published in it.
grant select on mayfly.channels to authenticated, service_role;

create policy channels_select on mayfly.channels for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));

grant select on mayfly.channel_subscriptions to authenticated, service_role;

create policy channel_subscriptions_select on mayfly.channel_subscriptions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));
