-- Checkpoints with their values and writes: { checkpoints, parts }. A value names a chain of parts, and how many parts
-- of this chain it consists of. Each part is returned once, even if several checkpoints share it. Called by
-- get_checkpoint and list_checkpoints. Runs as the caller, so that row-level security applies. Locks nothing.

create function mayfly_private.show_checkpoints(shown mayfly.checkpoints[])
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  checkpoints jsonb;
  chains jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
      'thread', t.name, 'ns', c.ns, 'id', c.id, 'parent', c.parent, 'body', c.body, 'metadata', c.metadata, 'created_at', c.created_at,
      'channels', (
        select coalesce(jsonb_agg(jsonb_build_object('channel', a.key, 'version', a.value -> 0)
          || case jsonb_typeof(a.value -> 1)
            when 'number' then jsonb_build_object('chain', c.thread_id || ':' || (a.value ->> 1), 'parts', a.value -> 2)
            when 'string' then jsonb_build_object('text', a.value -> 1)
            else '{}' end), '[]')
        from jsonb_each(c.channels) a),
      'writes', (
        select coalesce(jsonb_agg(jsonb_build_object('task', w.task_id, 'idx', g -> 'idx', 'channel', g -> 'channel', 'body', g -> 'body')
          order by w.path, w.task_id, (g ->> 'idx')::integer), '[]')
        from mayfly.thread_writes w
        cross join jsonb_array_elements(w.writes) g
        where w.tenant_id = c.tenant_id and w.thread_id = c.thread_id and w.ns = c.ns and w.checkpoint_id = c.id)
    ) order by c.id desc, t.name desc, c.ns desc), '[]')
  into checkpoints
  from unnest(shown) c
  join mayfly.threads t on t.tenant_id = c.tenant_id and t.id = c.thread_id;

  select coalesce(jsonb_object_agg(needed.thread_id || ':' || needed.chain, (
      select jsonb_agg(mayfly_private.show_part(p) order by p.place)
      from mayfly.thread_parts p
      where p.tenant_id = needed.tenant_id and p.thread_id = needed.thread_id and p.chain = needed.chain and p.place <= needed.parts)), '{}')
  into chains
  from (
    select c.tenant_id, c.thread_id, (a.value ->> 1)::integer as chain, max((a.value ->> 2)::integer) as parts
    from unnest(shown) c
    cross join jsonb_each(c.channels) a
    where jsonb_typeof(a.value -> 1) = 'number'
    group by c.tenant_id, c.thread_id, 3) needed;
  return jsonb_build_object('checkpoints', checkpoints, 'parts', chains);
end
$$;

comment on function mayfly_private.show_checkpoints is 'Checkpoints with their values and writes.';
grant execute on function mayfly_private.show_checkpoints to authenticated, service_role;
