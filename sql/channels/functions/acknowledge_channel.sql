-- Acknowledges a channel's messages up to a number. The number never goes back. For subscribers with the scope
-- message:read. Locks the subscription.
--
-- The broadcast of a message can reach a subscriber before the message itself is visible in the database. If the
-- subscriber acknowledges it then, the returned number is below the requested one, and the subscriber should try again
-- soon.

create function mayfly_private.acknowledge_channel(name text, seq bigint)
returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
  acknowledged bigint;
begin
  if seq is null or seq < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'seq must be at least 0.', null, '{"field": "seq"}');
  end if;
  update mayfly.channel_subscriptions s
  set acknowledged = greatest(s.acknowledged, least(seq, channel.last_seq))
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id()
  returning s.acknowledged into acknowledged;
  if acknowledged is null then
    perform mayfly_private.fail(403, 'not_subscribed', format('The caller has not subscribed to the channel %s.', name),
      'Subscribe to it first.', jsonb_build_object('channel', name));
  end if;
  return acknowledged;
end
$$;

comment on function mayfly_private.acknowledge_channel is 'Acknowledges a channel up to a message.';
grant execute on function mayfly_private.acknowledge_channel to authenticated, service_role;

create function mayfly.acknowledge_channel(name text, seq bigint)
returns bigint
language sql
set search_path = ''
return mayfly_private.acknowledge_channel(name, seq);

comment on function mayfly.acknowledge_channel is
  'Acknowledges a channel up to a message. Returns the number that is acknowledged now. It is below seq if the newest messages are not visible yet: call it again soon.';
grant execute on function mayfly.acknowledge_channel to authenticated, service_role;
