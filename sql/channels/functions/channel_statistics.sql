-- How many messages a channel has, how fast it grows, and how many messages its subscribers have not acknowledged (only
-- for the 1,000 that are furthest behind). Scope message:read, for callers that may read the channel. Reads the
-- channel's messages. Locks nothing.

create function mayfly_private.channel_statistics(name text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, true);
begin
  return (
    select jsonb_build_object(
      'name', channel.name, 'kind', channel.kind, 'last_seq', channel.last_seq,
      'messages', count(*), 'bytes', coalesce(sum(octet_length(m.payload::text)), 0),
      'last_minute', count(*) filter (where m.sent_at > (select mayfly_private.now()) - interval '1 minute'),
      'per_minute', round(count(*) filter (where m.sent_at > (select mayfly_private.now()) - interval '1 hour') / 60.0, 2),
      'last_sent_at', max(m.sent_at),
      'senders', count(distinct m.sender_id),
      'subscribers', (
        select coalesce(jsonb_agg(jsonb_build_object('id', s.subscriber_id, 'acknowledged', s.acknowledged,
          'lag', channel.last_seq - s.acknowledged, 'subscribed_at', s.subscribed_at) order by s.acknowledged, s.subscriber_id), '[]')
        from (
          select * from mayfly.channel_subscriptions s
          where s.tenant_id = tenant and s.channel_id = channel.id
          order by s.acknowledged, s.subscriber_id limit 1000
        ) s))
    from mayfly.messages m
    where m.tenant_id = tenant and m.channel_id = channel.id);
end
$$;

comment on function mayfly_private.channel_statistics is 'Statistics of a channel.';
grant execute on function mayfly_private.channel_statistics to authenticated, service_role;

create function mayfly.channel_statistics(name text)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.channel_statistics(name);

comment on function mayfly.channel_statistics is
  'A channel''s messages and bytes, in total and in the last minute, the average per minute of the last hour, and the subscribers with their lag.';
grant execute on function mayfly.channel_statistics to authenticated, service_role;
