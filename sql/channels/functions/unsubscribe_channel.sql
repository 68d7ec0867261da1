-- Ends the caller's subscription to a channel. Does nothing if the caller is not subscribed. Scope message:read.

create function mayfly_private.unsubscribe_channel(name text)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
begin
  delete from mayfly.channel_subscriptions s
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id();
  return found;
end
$$;

comment on function mayfly_private.unsubscribe_channel is 'Ends the caller''s subscription of a channel.';
grant execute on function mayfly_private.unsubscribe_channel to authenticated, service_role;

create function mayfly.unsubscribe_channel(name text)
returns boolean
language sql
set search_path = ''
return mayfly_private.unsubscribe_channel(name);

comment on function mayfly.unsubscribe_channel is 'Ends the caller''s subscription of a channel. Returns whether there was one.';
grant execute on function mayfly.unsubscribe_channel to authenticated, service_role;
