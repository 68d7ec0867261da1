-- Locks a channel that the caller may change. With channel:write, this is a channel that the caller created, and with
-- message:admin any channel. Called by update_channel and delete_channel.

create function mayfly_private.own_channel(name text)
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('channel:write');
  channel mayfly.channels := mayfly_private.find_channel(tenant, name, false);
begin
  if not (coalesce(channel.created_by = mayfly_private.caller_id(), false) or tenant = any (mayfly_private.tenant_ids('message:admin'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope message:admin.',
      'You need it for channels that others created.', '{"scope": "message:admin"}');
  end if;
  select * into channel from mayfly.channels c where c.tenant_id = tenant and c.id = channel.id for update;
  return channel;
end
$$;

comment on function mayfly_private.own_channel is 'Locks a channel that the caller may change.';
