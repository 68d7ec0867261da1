-- Deletes a channel with its messages and subscriptions. Its creator (channel:write) and callers with message:admin can
-- do this. Locks the channel.

create function mayfly_private.delete_channel(name text)
returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  channel constant mayfly.channels := mayfly_private.own_channel(name);
begin
  delete from mayfly.channels c where c.tenant_id = channel.tenant_id and c.id = channel.id;
  return channel.id;
end
$$;

comment on function mayfly_private.delete_channel is 'Deletes a channel.';
grant execute on function mayfly_private.delete_channel to authenticated, service_role;

create function mayfly.delete_channel(name text)
returns jsonb
language sql
set search_path = ''
return jsonb_build_object('deleted', mayfly_private.delete_channel(name));

comment on function mayfly.delete_channel is 'Deletes a channel with its messages and subscriptions: { deleted: id }.';
grant execute on function mayfly.delete_channel to authenticated, service_role;
