-- The messages of a channel whose sequence number is above `after`, in the order of these numbers. A page ends at about
-- 1 MB or at page_limit messages. Scope message:read, for callers that may read the channel. Locks nothing. Each
-- publisher locks the channel until it commits, so numbers become visible in order. Therefore, a number up to last_seq
-- can be missing only because retention has deleted its message.

create function mayfly_private.read_channel(name text, after bigint, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, true);
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    with found_messages as (
      -- Reads only the sizes first, so that no message outside the page is read.
      select f.seq, f.id, row_number() over (order by f.seq) as n, sum(f.bytes) over (order by f.seq) - f.bytes as bytes_before
      from (
        select m.channel_seq as seq, m.id, m.bytes
        from mayfly.messages m
        where m.tenant_id = tenant and m.channel_id = channel.id and m.channel_seq > coalesce(after, 0)
        order by m.channel_seq
        limit page_limit + 1
      ) f
    ), taken as (
      select * from found_messages f where f.n <= page_limit and (f.n = 1 or f.bytes_before < 1000000)
    )
    select jsonb_build_object(
      'messages', coalesce(jsonb_agg(jsonb_build_object('seq', t.seq) || mayfly_private.show_message(m) order by t.seq), '[]'),
      'topic', format('tenant:%s:channel:%s', tenant, channel.name),
      'last_seq', greatest(channel.last_seq, max(t.seq)),
      'acknowledged', (select s.acknowledged from mayfly.channel_subscriptions s
        where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id()),
      'more', (select count(*) from found_messages) > count(*))
    from taken t join mayfly.messages m on m.tenant_id = tenant and m.id = t.id);
end
$$;

comment on function mayfly_private.read_channel is 'The messages of a channel after a number.';
grant execute on function mayfly_private.read_channel to authenticated, service_role;

create function mayfly.read_channel(name text, after bigint default 0, page_limit integer default 100)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.read_channel(name, after, page_limit);

comment on function mayfly.read_channel is
  'The messages of a channel after a number: { topic, messages: [{ seq, … }], last_seq, acknowledged, more }.';
grant execute on function mayfly.read_channel to authenticated, service_role;
