-- Charges a locked thread for what was written into it, or refunds what was deleted. Runs as owner. Locks a
-- shard of usage.

create function mayfly_private.charge_thread(thread mayfly.threads, more_bytes bigint, expires_in integer, writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  -- The first charge also includes the row of the thread itself.
  all_bytes constant bigint := more_bytes + case thread.bytes when 0 then 256 + octet_length(thread.name) else 0 end;
begin
  update mayfly.threads t
  set bytes = t.bytes + all_bytes, updated_at = instant,
    expires_at = case when expires_in is null then t.expires_at else instant + make_interval(secs => expires_in) end
  where t.tenant_id = thread.tenant_id and t.id = thread.id;
  perform mayfly_private.charge(thread.tenant_id, 0, all_bytes, writes);
end
$$;

comment on function mayfly_private.charge_thread is 'Charges a thread for what was written into it.';
