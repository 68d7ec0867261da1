-- Broadcasts messages that have just been sent, to their open inboxes and their channels. A broadcast contains a
-- message of up to 64 KB. For a larger message it contains only the number, and the reader fetches the message. As many
-- messages as the tenant's rate allows are broadcast immediately. For the others, the greatest number of each topic
-- becomes due. Called by send_messages. The function is in PL/pgSQL, so that it looks up realtime.send only when it
-- runs. A body that is parsed at creation would depend on realtime.send, and Realtime could then not drop and replace
-- that function.
--
-- A channel without a lease gets no broadcast. If something sends due broadcasts, the channel's newest number still
-- becomes due, because a lease may begin while this transaction is open (see nudge).

create function mayfly_private.announce(tenant uuid, ids uuid[], in_channels boolean)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  told record;
  allowed integer;
begin
  select array_agg(w.topic order by w.topic, w.seq) as topics, array_agg(w.id order by w.topic, w.seq) as ids,
    array_agg(w.numbers order by w.topic, w.seq) as numbers, count(*) as wanted
  into told
  from (
    select format('tenant:%s:agent:%s', tenant, d.recipient_id) as topic, d.message_id as id, d.seq,
      jsonb_build_object('seq', d.seq, 'attempt', 1, 'session', d.session) as numbers
    from mayfly.deliveries d
    join mayfly.messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
    where d.tenant_id = tenant and d.message_id = any (announce.ids) and d.session is not null
      and coalesce(m.deadline > (select mayfly_private.now()), true)
    union all
    select l.topic, m.id, m.channel_seq, jsonb_build_object('seq', m.channel_seq)
    from mayfly.messages m
    join mayfly_private.listeners l on l.tenant_id = tenant and l.until > (select mayfly_private.now())
      and l.topic = format('tenant:%s:channel:%s', tenant, m.target ->> 'channel')
    where in_channels and m.tenant_id = tenant and m.id = any (announce.ids) and m.channel_id is not null
  ) w;
  allowed := mayfly_private.may_tell(tenant, told.wanted::integer);

  perform realtime.send(s.payload, 'message', s.topic, true), mayfly_private.notify(s.topic, 'message', s.payload)
  from (
    select t.topic, case when octet_length(m.payload::text) + octet_length(m.attachments::text) <= 65536
      then t.numbers || mayfly_private.show_message(m)
      else t.numbers end as payload
    from unnest(told.topics, told.ids, told.numbers) with ordinality as t (topic, id, numbers, n)
    join mayfly.messages m on m.tenant_id = tenant and m.id = t.id
    where t.n <= allowed
    order by t.n
    offset 0) s;

  if told.wanted > allowed then
    insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
    select tenant, t.topic, 'message', max((t.numbers ->> 'seq')::bigint)
    from unnest(told.topics, told.numbers) with ordinality as t (topic, numbers, n)
    where t.n > allowed
    group by t.topic;
  end if;
  if in_channels and mayfly_private.is_flushed() then
    insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
    select tenant, format('tenant:%s:channel:%s', tenant, m.target ->> 'channel'), 'message', max(m.channel_seq)
    from mayfly.messages m
    where m.tenant_id = tenant and m.id = any (announce.ids) and m.channel_id is not null
      and not (format('tenant:%s:channel:%s', tenant, m.target ->> 'channel') = any (coalesce(told.topics, '{}')))
    group by 2;
  end if;
end
$$;

comment on function mayfly_private.announce is 'Broadcasts messages to their readers.';
