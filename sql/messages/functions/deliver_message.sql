-- Puts one message into the inbox of its recipient, like send_messages does for its caller. This function is for
-- messages that the database itself sends, such as one about the end of a job. The sender is the agent or person that
-- caused the message, or null if the secret key caused it. A message with a known id is not sent again. As in
-- send_messages, an agent that does not run gets no broadcast. Charges the message. Locks the inbox.

create function mayfly_private.deliver_message(
  tenant uuid, id uuid, type text, sender uuid, recipient uuid, reply_to uuid, conversation uuid, correlation text, content jsonb
)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  bytes integer;
  box mayfly.inboxes;
begin
  insert into mayfly.messages (tenant_id, id, type, sender_id, sender_kind, target, conversation_id, correlation_id, reply_to, payload)
  values (tenant, id, type, sender,
    case when sender is null then 'service'
      when exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = sender) then 'agent' else 'person' end,
    jsonb_build_object('agent', recipient), conversation, correlation, reply_to, content)
  on conflict do nothing
  returning mayfly.messages.bytes into bytes;
  if not found then
    return;
  end if;
  perform mayfly_private.charge(tenant, 0, 160 + bytes, 1);
  insert into mayfly.inboxes as b (tenant_id, recipient_id, last_seq) values (tenant, recipient, 1)
  on conflict (tenant_id, recipient_id) do update set last_seq = b.last_seq + 1
  returning * into box;
  if exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = recipient and mayfly_private.effective_status(a) <> 'running'
  ) then
    box.session := null;
  end if;
  insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id, sender_id, session, attempts)
  values (tenant, recipient, box.last_seq, id, sender, box.session, case when box.session is null then 0 else 1 end);
  perform mayfly_private.announce(tenant, array[id], false);
end
$$;

comment on function mayfly_private.deliver_message is 'Puts one message into an inbox.';
