-- Marks up to 10,000 messages of the caller's own inbox as handled, so that no session gets them again. Repeating the
-- call changes nothing. Scope message:read. Locks the deliveries, by number.
--
-- A broadcast can arrive before the row that caused it is visible. `unseen` lists the given numbers that are above the
-- newest one that this call sees. Messages with these numbers were not acknowledged, so try again soon.

create function mayfly_private.acknowledge_messages(seqs bigint[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  newest bigint;
  acknowledged integer;
begin
  if seqs is null or cardinality(seqs) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seqs must be at most 10000 numbers.', null, '{"field": "seqs"}');
  end if;
  -- The newest number is read before the update, whose snapshot is later. So if the update cannot see a message, the
  -- number of that message is above the newest one read here, and is listed as unseen.
  select b.last_seq into newest from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = reader;
  with waiting as (
    select d.recipient_id, d.seq from mayfly.deliveries d
    where d.tenant_id = tenant and d.recipient_id = reader and d.seq = any (seqs) and d.acknowledged_at is null
    order by d.seq
    for no key update
  )
  update mayfly.deliveries d
  set acknowledged_at = (select mayfly_private.now())
  from waiting w
  where d.tenant_id = tenant and d.recipient_id = w.recipient_id and d.seq = w.seq;
  get diagnostics acknowledged = row_count;
  return jsonb_build_object('acknowledged', acknowledged, 'unseen', coalesce((
    select jsonb_agg(distinct s order by s) from unnest(seqs) s where s > coalesce(newest, 0)), '[]'));
end
$$;

comment on function mayfly_private.acknowledge_messages is 'Acknowledges messages of the caller''s inbox.';
grant execute on function mayfly_private.acknowledge_messages to authenticated, service_role;

create function mayfly.acknowledge_messages(seqs bigint[])
returns jsonb
language sql
set search_path = ''
return mayfly_private.acknowledge_messages(seqs);

comment on function mayfly.acknowledge_messages is
  'Acknowledges messages of the caller''s inbox: { acknowledged, unseen }. acknowledged is how many were new. unseen are numbers that this call could not see yet: acknowledge them again soon.';
grant execute on function mayfly.acknowledge_messages to authenticated, service_role;
