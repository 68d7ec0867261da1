-- Makes this session the only reader of the caller's inbox. From the commit on, messages are broadcast to this session,
-- and the previous session is refused. Scope message:read. Locks the inbox.

create function mayfly_private.open_inbox(session uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  box mayfly.inboxes;
begin
  if session is null then
    perform mayfly_private.fail(400, 'invalid_request', 'session must be a uuid.', null, '{"field": "session"}');
  end if;
  insert into mayfly.inboxes as b (tenant_id, recipient_id, session, opened_at)
  values (tenant, reader, open_inbox.session, mayfly_private.now())
  on conflict (tenant_id, recipient_id) do update set session = excluded.session, opened_at = excluded.opened_at
  returning * into box;
  return jsonb_build_object(
    'topic', format('tenant:%s:agent:%s', tenant, reader),
    'last_seq', box.last_seq,
    'acknowledged', coalesce((
      select min(d.seq) - 1 from mayfly.deliveries d
      where d.tenant_id = tenant and d.recipient_id = reader and d.acknowledged_at is null), box.last_seq));
end
$$;

comment on function mayfly_private.open_inbox is 'Makes a session the reader of the caller''s inbox.';
grant execute on function mayfly_private.open_inbox to authenticated, service_role;

create function mayfly.open_inbox(session uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.open_inbox(session);

comment on function mayfly.open_inbox is
  'Makes this session the reader of the caller''s inbox: { topic, last_seq, acknowledged }. All messages up to acknowledged are handled.';
grant execute on function mayfly.open_inbox to authenticated, service_role;
