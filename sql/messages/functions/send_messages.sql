-- Sends 1 to 100 messages, all or none, each with its sender. A message whose id was sent before is not sent again
-- and returns its earlier result. Scope message:send.
--
-- So that senders cannot deadlock, it locks in this order, until commit: the channels (sorted), the ids (sorted), a
-- shard of the tenant's usage, and the inboxes (sorted). So the numbers of a channel and of an inbox have no gaps and
-- follow the order of the commits.

create function mayfly_private.send_messages(messages jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_recipients constant integer := 10000;
  tenant constant uuid := mayfly_private.require_tenant('message:send');
  caller constant mayfly_private.caller := mayfly_private.caller();
  channel_names text[];
  channel mayfly.channels;
  known uuid[];
  claimed uuid[];
  expected integer;
  fault record;
  delivered uuid[];
  recipients uuid[];
begin
  perform mayfly_private.check_messages(messages);

  channel_names := array(select distinct m -> 'to' ->> 'channel' from jsonb_array_elements(messages) m where m -> 'to' ? 'channel');
  if cardinality(channel_names) > 0 then
    for channel in
      select * from mayfly.channels c where c.tenant_id = tenant and c.name = any (channel_names) order by c.id for no key update
    loop
      if not mayfly_private.may_publish(channel) then
        perform mayfly_private.fail(403, 'not_publisher', format('The caller may not publish in the channel %s.', channel.name),
          case channel.kind when 'two_way' then 'Subscribe to it first.' else 'Ask its creator to make the caller one of its publishers.' end,
          jsonb_build_object('channel', channel.name));
      end if;
    end loop;
    select o.n - 1 as index, o.m -> 'to' ->> 'channel' as name into fault
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    where o.m -> 'to' ? 'channel'
      and not exists (select from mayfly.channels c where c.tenant_id = tenant and c.name = o.m -> 'to' ->> 'channel')
    order by o.n limit 1;
    if found then
      perform mayfly_private.fail(404, 'channel_unknown', format('There is no channel %s.', fault.name),
        'Nothing was sent. Create the channel, or list the existing ones.', jsonb_build_object('index', fault.index, 'field', 'to'));
    end if;
  end if;

  known := array(select m.id from mayfly.messages m
    where m.tenant_id = tenant and m.id in (select (e ->> 'id')::uuid from jsonb_array_elements(messages) e));
  expected := jsonb_array_length(messages) - cardinality(known);

  with fresh as (
    select o.m, o.n, (o.m ->> 'id')::uuid as id, c.id as channel_id,
      c.last_seq + row_number() over (partition by c.id order by o.n) as channel_seq
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    left join mayfly.channels c on c.tenant_id = tenant and c.name = o.m -> 'to' ->> 'channel'
    where (o.m ->> 'id')::uuid <> all (known)
  ), inserted as (
    insert into mayfly.messages (tenant_id, id, type, sender_id, sender_kind, target, channel_id, channel_seq, conversation_id,
      correlation_id, reply_to, priority, reply_required, deadline, payload, attachments, trace)
    select tenant, f.id, f.m ->> 'type', caller.id, case caller.kind when 'secret' then 'service' when 'client' then 'person' else caller.kind end,
      f.m -> 'to', f.channel_id, case when f.channel_id is not null then f.channel_seq end,
      (f.m ->> 'conversation_id')::uuid, f.m ->> 'correlation_id', (f.m ->> 'reply_to')::uuid, coalesce(f.m ->> 'priority', 'normal'),
      coalesce((f.m ->> 'reply_required')::boolean, false), (f.m ->> 'deadline')::timestamptz,
      coalesce(f.m -> 'payload', '{}'), coalesce(nullif(f.m -> 'attachments', 'null'), '[]'), f.m ->> 'trace'
    from fresh f
    order by f.id
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(i.id), '{}') into claimed from inserted i;

  -- Another call has just sent one of these messages. Sending only the rest would leave a gap in the numbers of a
  -- channel.
  if cardinality(claimed) < expected and cardinality(channel_names) > 0 then
    perform mayfly_private.fail(409, 'message_id_taken', 'A message with one of these ids was sent at the same time.',
      'Nothing was sent. Send them again; for messages that were already sent, you get the earlier result.', '{"field": "id"}');
  end if;
  select o.n - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  join mayfly.messages m on m.tenant_id = tenant and m.id = (o.m ->> 'id')::uuid
  where m.sender_id is distinct from caller.id
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(409, 'message_id_taken', format('messages[%s].id belongs to a message of another sender.', fault.index),
      'Nothing was sent. Give each message its own id (UUIDv7).', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
  -- A message with such an old id may already have been sent, handled and deleted.
  select o.n - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  where (o.m ->> 'id')::uuid = any (claimed)
    and mayfly_private.time_of_id((o.m ->> 'id')::uuid) < (select mayfly_private.now()) - (select t.messages_kept from mayfly.tenants t where t.id = tenant)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(410, 'op_expired', format('messages[%s] is too old: it may have been sent already.', fault.index),
      'Nothing was sent. Send it again with a new id.', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;

  update mayfly.channels c
  set last_seq = m.seq
  from (
    select m.channel_id, max(m.channel_seq) as seq from mayfly.messages m
    where m.tenant_id = tenant and m.id = any (claimed) and m.channel_id is not null group by 1
  ) m
  where c.tenant_id = tenant and c.id = m.channel_id;

  -- The recipients of each message. A message to a single agent or person names its recipient.
  select coalesce(array_agg(t.id order by t.n, t.recipient), '{}'), coalesce(array_agg(t.recipient order by t.n, t.recipient), '{}')
  into delivered, recipients
  from (
    select o.n, (o.m ->> 'id')::uuid as id, r.recipient
    from jsonb_array_elements(messages) with ordinality as o (m, n),
      lateral (
        select (o.m -> 'to' ->> 'agent')::uuid as recipient where o.m -> 'to' ? 'agent'
        union all
        select mayfly_private.agents_of_target(tenant, caller.id, o.m -> 'to') where not o.m -> 'to' ?| '{agent,channel}') r
    where (o.m ->> 'id')::uuid = any (claimed)
    limit max_recipients + 1
  ) t;

  if cardinality(delivered) > max_recipients then
    perform mayfly_private.fail(413, 'push_too_large', format('One call can reach at most %s recipients.', max_recipients),
      'Nothing was sent. Send fewer messages at once, or publish in a channel.', jsonb_build_object('limit', max_recipients));
  end if;
  perform mayfly_private.check_recipients(tenant, messages, claimed, delivered);

  if cardinality(claimed) > 0 then
    perform mayfly_private.charge(tenant, 0,
      160 * cardinality(delivered) + (select sum(m.bytes) from mayfly.messages m where m.tenant_id = tenant and m.id = any (claimed)),
      greatest(cardinality(claimed), cardinality(delivered)));
  end if;

  with sent as (
    select d.message_id, d.recipient_id, row_number() over (partition by d.recipient_id order by d.n) as nth
    from unnest(delivered, recipients) with ordinality as d (message_id, recipient_id, n)
  ), numbered as (
    insert into mayfly.inboxes as box (tenant_id, recipient_id, last_seq)
    select tenant, s.recipient_id, count(*) from sent s group by s.recipient_id order by s.recipient_id
    on conflict (tenant_id, recipient_id) do update set last_seq = box.last_seq + excluded.last_seq
    returning box.recipient_id, box.last_seq, box.session
  ), listening as (
    -- An agent gets no broadcast while it or an ancestor is suspended. It finds all messages when it is resumed.
    select n.recipient_id, n.last_seq, case
      when n.session is not null and exists (
        select from mayfly.agents a
        where a.tenant_id = tenant and a.id = n.recipient_id and mayfly_private.effective_status(a) <> 'running') then null
      else n.session end as session
    from numbered n
  )
  insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id, sender_id, session, attempts)
  select tenant, s.recipient_id,
    b.last_seq - count(*) over (partition by s.recipient_id) + s.nth, s.message_id, caller.id,
    b.session, case when b.session is null then 0 else 1 end
  from sent s join listening b using (recipient_id)
  order by s.recipient_id, s.nth;

  -- Recipients that listen get a broadcast. Other recipients find the message when they open their inbox.
  if cardinality(claimed) > 0 then
    perform mayfly_private.announce(tenant, claimed, cardinality(channel_names) > 0);
  end if;

  return (
    select jsonb_agg(
      case when m.channel_id is null
        then jsonb_build_object('id', m.id, 'recipients', (
          select count(*) from mayfly.deliveries d where d.tenant_id = tenant and d.message_id = m.id))
        else jsonb_build_object('id', m.id, 'seq', m.channel_seq) end
      order by o.n)
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    join mayfly.messages m on m.tenant_id = tenant and m.id = (o.m ->> 'id')::uuid);
end
$$;

comment on function mayfly_private.send_messages is 'Sends messages, each at most once, all or none.';
grant execute on function mayfly_private.send_messages to authenticated, service_role;

-- With `acknowledge`, this function also does what acknowledge_messages does, in the same transaction. So a worker that
-- has handled a message and sends an answer makes one call instead of two. Sending comes first, because inboxes are
-- locked before deliveries.

create function mayfly.send_messages(messages jsonb, acknowledge bigint[] default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  sent constant jsonb := mayfly_private.send_messages(messages);
begin
  if acknowledge is null then
    return sent;
  elsif acknowledge = '{}' then
    return jsonb_build_object('sent', sent, 'acknowledged', 0, 'unseen', '[]'::jsonb);
  end if;
  return jsonb_build_object('sent', sent) || mayfly_private.acknowledge_messages(acknowledge);
end
$$;

comment on function mayfly.send_messages is
  'Sends 1 to 100 messages, all or none: [{ id, to, type, payload?, … }]. Returns [{ id, recipients } or, in a channel, { id, seq }]; with acknowledge (numbers of the caller''s inbox), { sent, acknowledged, unseen }.';
grant execute on function mayfly.send_messages to authenticated, service_role;
