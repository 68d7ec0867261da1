-- tenant:{t}:broadcast:{c} is the topic for broadcasts of a channel. Anyone who may read the channel can read this
-- topic. Callers that may publish in the channel and have channel:broadcast can send there. The channel's messages have
-- another topic, so that nobody can pass off a broadcast as a message.

create function mayfly_private.may_use_broadcast_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return extension = 'broadcast' and exists (
    select from mayfly.channels c
    where c.tenant_id = tenant and c.name = part
      -- Sending needs a scope of its own, because Realtime counts what a client sends against the rate of the whole
      -- project, and our quotas do not count it.
      and case when sending
        then tenant = any (mayfly_private.tenant_ids('channel:broadcast')) and mayfly_private.may_publish(c)
        -- A sender must also join the topic, which needs the right to receive.
        else mayfly_private.may_publish(c) or c.id = any (mayfly_private.readable_channel_ids())
      end);
end
$$;

comment on function mayfly_private.may_use_broadcast_topic is 'Whether the caller may use the topic "broadcast" of a tenant.';
