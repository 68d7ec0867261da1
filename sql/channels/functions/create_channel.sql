-- Creates a channel. A tenant can have up to 1,000. The creator can publish in it and read it. Scope channel:write.

create function mayfly_private.create_channel(name text, kind text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  max_channels constant integer := 1000;
  tenant constant uuid := mayfly_private.require_tenant('channel:write');
  channel mayfly.channels;
begin
  if name is null or name !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have at most 63 lower case letters, digits, dots, dashes or underscores.', null, '{"field": "name"}');
  elsif kind is null or kind not in ('one_way', 'two_way', 'broadcast') then
    perform mayfly_private.fail(400, 'invalid_request', 'kind must be one_way, two_way or broadcast.', null, '{"field": "kind"}');
  end if;
  perform mayfly_private.check_channel(tenant, description, publishers);
  -- Callers create channels one after the other, so that two of them together cannot exceed the limit.
  perform from mayfly.tenants t where t.id = tenant for no key update;
  if (select count(*) >= max_channels from mayfly.channels c where c.tenant_id = tenant) then
    perform mayfly_private.fail(403, 'quota_exceeded', format('A tenant may have %s channels.', max_channels),
      'Delete channels that you no longer need.', jsonb_build_object('quota', 'channels', 'limit', max_channels));
  end if;

  insert into mayfly.channels as c (tenant_id, name, kind, description, created_by, publishers)
  values (tenant, create_channel.name, create_channel.kind, coalesce(create_channel.description, ''),
    mayfly_private.caller_id(), coalesce(create_channel.publishers, '{}'))
  on conflict do nothing
  returning c.* into channel;
  if channel.id is null then
    perform mayfly_private.fail(409, 'channel_exists', format('The tenant already has a channel %s.', name),
      'Use it, or choose another name.', '{"field": "name"}');
  end if;
  return channel;
end
$$;

comment on function mayfly_private.create_channel is 'Creates a channel.';
grant execute on function mayfly_private.create_channel to authenticated, service_role;

create function mayfly.create_channel(name text, kind text default 'two_way', description text default '', publishers uuid[] default '{}')
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.create_channel(name, kind, description, publishers)) - 'tenant_id';

comment on function mayfly.create_channel is
  'Creates a channel: one_way (creator and publishers publish, subscribers read), two_way (subscribers do both) or broadcast (the tenant reads).';
grant execute on function mayfly.create_channel to authenticated, service_role;
