-- tenant:{t}:channel:{c} is the topic for the messages of the channel with this name. Anyone who may read the channel
-- can read this topic. Only the database sends there.

create function mayfly_private.may_use_channel_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and exists (
    select from mayfly.channels c
    where c.tenant_id = tenant and c.name = part and c.id = any (mayfly_private.readable_channel_ids()));
end
$$;

comment on function mayfly_private.may_use_channel_topic is 'Whether the caller may use the topic "channel" of a tenant.';
