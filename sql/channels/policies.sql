-- Who may see messages, inboxes and channels. Functions alone write them.

alter table mayfly.channels enable row level security;

alter table mayfly.channel_subscriptions enable row level security;

-- That there is a channel is no secret in its tenant; what was said in it may be.
grant select on mayfly.channels to authenticated, service_role;

create policy channels_select on mayfly.channels for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));

grant select on mayfly.channel_subscriptions to authenticated, service_role;

create policy channel_subscriptions_select on mayfly.channel_subscriptions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));
