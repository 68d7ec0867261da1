-- Finds the memories for the updates and deletes of a push. An update can name the id of a put that was not stored,
-- because the tenant already had its content or its key. Such an update applies to the memory that has this content or
-- key. Called by apply_memories. Locks nothing.

create function mayfly_private.follow_aliases(tenant uuid, push jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    select jsonb_agg(case when a.memory_id is null then o.op else o.op || jsonb_build_object('subject', a.memory_id) end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n)
    left join mayfly.memory_aliases a on o.op ->> 'type' in ('memory.update', 'memory.delete')
      and a.tenant_id = tenant and a.id = (o.op ->> 'subject')::uuid
      and not exists (select from mayfly.memories m where m.tenant_id = tenant and m.id = a.id));
end
$$;

comment on function mayfly_private.follow_aliases is 'Finds the memories for updates and deletes.';
