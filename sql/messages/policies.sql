alter table mayfly.messages enable row level security;

alter table mayfly.inboxes enable row level security;

alter table mayfly.deliveries enable row level security;

grant select on mayfly.inboxes to authenticated, service_role;

create policy inboxes_select on mayfly.inboxes for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (recipient_id = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])));

grant select on mayfly.deliveries to authenticated, service_role;

create policy deliveries_select on mayfly.deliveries for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (recipient_id = (select mayfly_private.caller_id())
      or sender_id = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])));

grant select on mayfly.messages to authenticated, service_role;

create policy messages_select on mayfly.messages for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (sender_id = (select mayfly_private.caller_id())
      or channel_id = any ((select mayfly_private.readable_channel_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])
      or exists (select from mayfly.deliveries d
        where d.tenant_id = messages.tenant_id and d.message_id = messages.id
          and d.recipient_id = (select mayfly_private.caller_id()))));
