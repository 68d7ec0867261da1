-- Waits until the messages that are on their way to the caller are visible. Hosted Realtime reads the write-ahead log,
-- so a message can arrive before its transaction is visible. Without this wait, its recipient would be told that there
-- is no such message. If a function does not find what a message is about, it calls this function and looks again.
--
-- A sender locks the inbox until it commits. This function waits for that lock and releases it at once.

create function mayfly_private.await_deliveries(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  perform from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = mayfly_private.caller_id() for share;
  raise exception using errcode = 'MF001';
exception when sqlstate 'MF001' then
  -- The rollback of this block has released the lock.
  null;
end
$$;

comment on function mayfly_private.await_deliveries is 'Waits until the messages on their way to the caller are visible.';
grant execute on function mayfly_private.await_deliveries to authenticated, service_role;
