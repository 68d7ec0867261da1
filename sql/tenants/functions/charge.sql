-- Counts what a tenant has stored and written, and refuses what would exceed its quotas (refuse_over_quota). The meters
-- call it at the end of each statement that writes to their tables. Some functions call it themselves, such as
-- send_messages, write_state and append_debug. Locks what count_usage locks.

create function mayfly_private.charge(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  perform mayfly_private.count_usage(tenant, more_memories, more_bytes, more_writes),
    mayfly_private.refuse_over_quota(tenant, more_memories, more_bytes, more_writes);
end
$$;

comment on function mayfly_private.charge is 'Counts what a tenant stores and writes, within its quotas.';
