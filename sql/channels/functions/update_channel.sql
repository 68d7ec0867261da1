-- Changes a channel's description or publishers. Null leaves a value as it is. The channel's creator (channel:write)
-- and callers with message:admin can do this. Locks the channel.

create function mayfly_private.update_channel(name text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  channel mayfly.channels := mayfly_private.own_channel(name);
  charged constant mayfly_private.charges := (select c from mayfly_private.charges c where c.relation = 'mayfly.channels');
  before constant integer := mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(channel));
begin
  perform mayfly_private.check_channel(channel.tenant_id, description, publishers);
  update mayfly.channels c
  set description = coalesce(update_channel.description, c.description), publishers = coalesce(update_channel.publishers, c.publishers)
  where c.tenant_id = channel.tenant_id and c.id = channel.id
  returning c.* into channel;
  perform mayfly_private.charge(channel.tenant_id, 0, mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(channel)) - before, 1);
  return channel;
end
$$;

comment on function mayfly_private.update_channel is 'Changes a channel.';
grant execute on function mayfly_private.update_channel to authenticated, service_role;

create function mayfly.update_channel(name text, description text default null, publishers uuid[] default null)
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.update_channel(name, description, publishers)) - 'tenant_id';

comment on function mayfly.update_channel is 'Changes a channel''s description or publishers. Null leaves a value as it is.';
grant execute on function mayfly.update_channel to authenticated, service_role;
