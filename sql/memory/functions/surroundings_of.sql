-- The memories remembered right before and after a memory, in the same conversation or else in the same
-- session, in order. `place` is -1 and below before the memory, and 1 and above after it. Each text is cut
-- after 2,000 characters. Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.surroundings_of(tenant uuid, self uuid, sees_all boolean, memory uuid, reach integer)
returns jsonb
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  instant constant timestamptz := mayfly_private.now();
begin
  return (
    with hit as materialized (
      select coalesce(m.conversation_id, m.session_id) as thread, m.created_at, m.id
      from mayfly.memories m where m.tenant_id = tenant and m.id = memory
    )
    select coalesce(jsonb_agg(jsonb_build_object('place', n.place, 'id', n.id, 'kind', n.kind, 'task', n.task,
      'input', left(n.input, 2000), 'output', left(n.output, 2000), 'agent_id', n.agent_id, 'created_at', n.created_at) order by n.place), '[]')
    from (
      (select m.*, row_number() over (order by m.created_at, m.id) as place
      from hit h
      join mayfly.memories m on m.tenant_id = tenant and coalesce(m.conversation_id, m.session_id) = h.thread
        and (m.created_at, m.id) > (h.created_at, h.id)
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
        and (m.visibility = 'tenant' or sees_all or m.agent_id = self
          or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
      order by m.created_at, m.id
      limit reach)
      union all
      (select m.*, -row_number() over (order by m.created_at desc, m.id desc)
      from hit h
      join mayfly.memories m on m.tenant_id = tenant and coalesce(m.conversation_id, m.session_id) = h.thread
        and (m.created_at, m.id) < (h.created_at, h.id)
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
        and (m.visibility = 'tenant' or sees_all or m.agent_id = self
          or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
      order by m.created_at desc, m.id desc
      limit reach)
    ) n);
end
$$;

comment on function mayfly_private.surroundings_of is 'The memories right before and after a memory.';
