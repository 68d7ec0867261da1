-- Returns a channel of a tenant by name. Fails if there is none. With `for_reader`, also fails if the caller may not
-- read the channel. Called by the functions of channels. Locks nothing.

create function mayfly_private.find_channel(tenant uuid, name text, for_reader boolean)
returns mayfly.channels
language plpgsql stable security definer
set search_path = ''
as $$
declare
  channel mayfly.channels;
begin
  select * into channel from mayfly.channels c where c.tenant_id = tenant and c.name = find_channel.name;
  if channel.id is null then
    perform mayfly_private.fail(404, 'channel_unknown', format('There is no channel %s.', name),
      'Create the channel, or list the existing ones.', '{"field": "name"}');
  elsif for_reader and not channel.id = any (mayfly_private.readable_channel_ids()) then
    perform mayfly_private.fail(403, 'not_subscribed', format('The caller may not read the channel %s.', name),
      'Subscribe to it first.', jsonb_build_object('channel', name));
  end if;
  return channel;
end
$$;

comment on function mayfly_private.find_channel is 'A channel by its name.';
