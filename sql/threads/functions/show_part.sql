-- The text of a part. Runs as the caller, so that row-level security applies. Locks nothing.

create function mayfly_private.show_part(part mayfly.thread_parts)
returns text
language sql stable
set search_path = ''
as $$
  select case when part.of_task is null then part.body else (
    select left(g ->> 'body', part.head) || part.body || right(g ->> 'body', part.tail)
    from mayfly.thread_writes w
    cross join jsonb_array_elements(w.writes) g
    where w.tenant_id = part.tenant_id and w.thread_id = part.thread_id and w.ns = part.of_ns
      and w.checkpoint_id = part.of_checkpoint and w.task_id = part.of_task and (g ->> 'idx')::integer = part.of_idx) end
$$;

comment on function mayfly_private.show_part is 'The text of a part.';
grant execute on function mayfly_private.show_part to authenticated, service_role;
