-- Whether the caller may publish in a channel of its tenant. With message:send, the creator may publish, and so may the
-- subscribers of a two_way channel and the publishers of any other channel. The secret key may publish in all channels.
-- Called by send_messages and may_use_broadcast_topic. Locks nothing.

create function mayfly_private.may_publish(channel mayfly.channels)
returns boolean
language sql stable security definer
set search_path = ''
return (
  select channel.tenant_id = any (mayfly_private.tenant_ids('message:send'))
    and (who.kind = 'secret' or coalesce(channel.created_by = who.id, false)
      or (channel.kind <> 'two_way' and who.id = any (channel.publishers))
      or (channel.kind = 'two_way' and exists (select from mayfly.channel_subscriptions s
        where s.tenant_id = channel.tenant_id and s.channel_id = channel.id and s.subscriber_id = who.id)))
  from mayfly_private.caller() who
);

comment on function mayfly_private.may_publish is 'Whether the caller may publish in a channel.';
