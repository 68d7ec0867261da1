-- Subscribes the caller to a channel, by default from its next message on. Subscribing again changes nothing. Scope
-- message:read.

create function mayfly_private.subscribe_channel(name text, acknowledged bigint)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
  subscription mayfly.channel_subscriptions;
begin
  if acknowledged < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'acknowledged must be at least 0.', null, '{"field": "acknowledged"}');
  end if;
  insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
  values (tenant, channel.id, mayfly_private.caller_id(), least(coalesce(subscribe_channel.acknowledged, channel.last_seq), channel.last_seq))
  on conflict do nothing;
  select * into subscription from mayfly.channel_subscriptions s
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id();
  return jsonb_build_object('channel', channel.name, 'kind', channel.kind, 'last_seq', channel.last_seq,
    'acknowledged', subscription.acknowledged, 'subscribed_at', subscription.subscribed_at);
end
$$;

comment on function mayfly_private.subscribe_channel is 'Subscribes the caller to a channel.';
grant execute on function mayfly_private.subscribe_channel to authenticated, service_role;

create function mayfly.subscribe_channel(name text, acknowledged bigint default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.subscribe_channel(name, acknowledged);

comment on function mayfly.subscribe_channel is
  'Subscribes the caller to a channel. Messages up to the given number count as handled (0: none; by default all existing ones).';
grant execute on function mayfly.subscribe_channel to authenticated, service_role;
