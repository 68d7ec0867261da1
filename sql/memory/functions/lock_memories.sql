-- Locks those of some memories of a tenant that are there and that the caller sees, and gives their ids. What
-- it does not give, a push changes and forgets not: a memory that is not there (any more) and another agent's
-- private one are `gone` alike, and for a caller without memory:read every memory is. Called by
-- mayfly_private.push for what it updates and deletes.
--
-- As owner there are no policies, so their predicates stand here, resolved once: without them a sibling's
-- delete of a private memory would be applied. Locks the memories, by id.

create function mayfly_private.lock_memories(tenant uuid, memories uuid[])
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  may_read constant boolean := tenant = any (mayfly_private.tenant_ids('memory:read'));
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  own constant uuid[] := mayfly_private.own_agent_ids();
begin
  if not may_read then
    return '{}';
  end if;
  return array(
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (memories) and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
    order by m.id
    for update);
end
$$;

comment on function mayfly_private.lock_memories is 'Locks memories that the caller may change, and returns their ids.';
