-- The messages that wait in the caller's inbox and whose number is above `after`, by number. A page has about 1 MB and
-- at most page_limit messages. Messages past their deadline are left out. Each message is marked as delivered to this
-- session. If another session got a message before, the attempt of that message is above 1. Only the session that
-- opened the inbox last can call this. Scope message:read. Locks the deliveries that it returns.
--
-- Senders hold the inbox until they commit, so this snapshot contains every message up to last_seq.

create function mayfly_private.pull_inbox(session uuid, after bigint, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  answer jsonb;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;

  with box as (
    select b.last_seq from mayfly.inboxes b
    where b.tenant_id = tenant and b.recipient_id = reader and b.session = pull_inbox.session
  ), waiting as (
    -- Reads only the sizes first, so that no message outside the page is read.
    select d.seq, d.message_id, d.attempts, d.session, sum(m.bytes) over (order by d.seq) - m.bytes as bytes_before
    from (
      select * from mayfly.deliveries d
      where d.tenant_id = tenant and d.recipient_id = reader and d.acknowledged_at is null and d.seq > coalesce(after, 0)
      order by d.seq
      limit page_limit + 1
    ) d
    join mayfly.messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
    where exists (select from box)
  ), page as (
    select w.*, row_number() over (order by w.seq) as n from waiting w
  ), taken as (
    select p.* from page p where p.n <= page_limit and (p.n = 1 or p.bytes_before < 1000000)
  ), marked as (
    update mayfly.deliveries d
    set session = pull_inbox.session, attempts = d.attempts + 1
    from taken t
    where d.tenant_id = tenant and d.recipient_id = reader and d.seq = t.seq
      and d.session is distinct from pull_inbox.session
    returning d.seq, d.attempts
  )
  select jsonb_build_object(
    'messages', coalesce((
      select jsonb_agg(jsonb_build_object('seq', t.seq, 'attempt', coalesce(k.attempts, t.attempts))
        || mayfly_private.show_message(m) order by t.seq)
      from taken t left join marked k using (seq)
      join mayfly.messages m on m.tenant_id = tenant and m.id = t.message_id
      where coalesce(m.deadline > (select mayfly_private.now()), true)), '[]'),
    'up_to', case when (select count(*) from page) > (select count(*) from taken)
      then (select max(t.seq) from taken t) else greatest(box.last_seq, coalesce(after, 0)) end,
    'last_seq', box.last_seq,
    'more', (select count(*) from page) > (select count(*) from taken))
  into answer
  from box;
  if answer is null then
    perform mayfly_private.fail(409, 'inbox_taken', 'Another session has opened this inbox.',
      'Only one process at a time reads an inbox. Open it again here to take it over.');
  end if;
  return answer;
end
$$;

comment on function mayfly_private.pull_inbox is 'The messages in the caller''s inbox.';
grant execute on function mayfly_private.pull_inbox to authenticated, service_role;

create function mayfly.pull_inbox(session uuid, after bigint default 0, page_limit integer default 100)
returns jsonb
language sql
set search_path = ''
return mayfly_private.pull_inbox(session, after, page_limit);

comment on function mayfly.pull_inbox is
  'The messages in the caller''s inbox after a number: { messages: [{ seq, attempt, … }], up_to, last_seq, more }. Continue after up_to.';
grant execute on function mayfly.pull_inbox to authenticated, service_role;
