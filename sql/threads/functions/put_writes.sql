-- Stores the writes of a task. Locks the thread until commit, then a shard of usage.

create function mayfly_private.put_writes(thread text, checkpoint text, task text, writes jsonb, ns text, path text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:write');
  own_thread mayfly.threads;
  present mayfly.thread_writes;
  all_writes jsonb;
  size integer;
begin
  if coalesce(char_length(checkpoint), 0) not between 1 and 100 then
    perform mayfly_private.refuse_thread('checkpoint', 'a text of 1 to 100 characters');
  elsif coalesce(char_length(task), 0) not between 1 and 200 then
    perform mayfly_private.refuse_thread('task', 'a text of 1 to 200 characters');
  elsif ns is null or char_length(ns) > 1000 then
    perform mayfly_private.refuse_thread('ns', 'a text of at most 1000 characters');
  elsif path is null or char_length(path) > 1000 then
    perform mayfly_private.refuse_thread('path', 'a text of at most 1000 characters');
  elsif not coalesce(jsonb_typeof(writes) = 'array' and jsonb_array_length(writes) <= 1000
    and octet_length(writes::text) <= 16777216, false)
    or exists (
      select from jsonb_array_elements(writes) w
      where not coalesce(char_length(w ->> 'channel') between 1 and 500 and w ->> 'body' is not null
        and jsonb_typeof(w -> 'idx') = 'number' and (w ->> 'idx')::numeric between -100 and 1000000, false)) then
    perform mayfly_private.refuse_thread('writes', 'a list of at most 1000 { channel, idx, body } with at most 16 MB');
  end if;
  own_thread := mayfly_private.lock_thread(tenant, thread, null);
  select * into present from mayfly.thread_writes w
  where w.tenant_id = tenant and w.thread_id = own_thread.id and w.ns = put_writes.ns and w.checkpoint_id = checkpoint and w.task_id = task;
  -- When a task is retried, its ordinary writes stay and its special writes are replaced.
  select coalesce(jsonb_agg(w.value order by (w.value ->> 'idx')::integer), '[]') into all_writes
  from (
    select distinct on ((g.value ->> 'idx')::integer) jsonb_build_object('idx', (g.value ->> 'idx')::integer,
      'channel', g.value ->> 'channel', 'body', g.value ->> 'body') as value
    from (
      select o.value, 0 as age, o.n from jsonb_array_elements(coalesce(present.writes, '[]')) with ordinality o (value, n)
      union all
      select a.value, 1, a.n from jsonb_array_elements(put_writes.writes) with ordinality a (value, n)
    ) g
    order by (g.value ->> 'idx')::integer, case when (g.value ->> 'idx')::integer < 0 then -g.age else g.age end, g.n
  ) w;
  size := 192 + pg_column_size(all_writes);
  if pg_column_size(all_writes) > 67108864 then
    perform mayfly_private.refuse_thread('writes', 'at most 64 MB for one task');
  end if;
  insert into mayfly.thread_writes (tenant_id, thread_id, ns, checkpoint_id, task_id, path, writes, bytes)
  values (tenant, own_thread.id, put_writes.ns, checkpoint, task, put_writes.path, all_writes, size)
  on conflict on constraint thread_writes_pkey do update set writes = excluded.writes, bytes = excluded.bytes;
  perform mayfly_private.charge_thread(own_thread, size - coalesce(present.bytes, 0), null, 1);
  return jsonb_build_object('writes', jsonb_array_length(writes));
end
$$;

comment on function mayfly_private.put_writes is 'Stores the writes of a task.';
grant execute on function mayfly_private.put_writes to authenticated, service_role;

-- Stores what a task wrote after a checkpoint, so that the task need not run again when another task fails. A write
-- with an idx below 0 (a special write) replaces the task's earlier write with that idx. Any other write keeps its
-- first value. Scope thread:write.

create function mayfly.put_writes(thread text, checkpoint text, task text, writes jsonb, ns text default '', path text default '')
returns jsonb
language sql
set search_path = ''
return mayfly_private.put_writes(thread, checkpoint, task, writes, ns, path);

comment on function mayfly.put_writes is 'Stores what a task wrote after a checkpoint. writes: [{ channel, idx, body }].';
grant execute on function mayfly.put_writes to authenticated, service_role;
