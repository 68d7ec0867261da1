-- Locks those memories of a list that exist and that the caller can see, and returns their ids. A push changes and
-- forgets only these. The push answers `gone` for a memory that does not exist, for another agent's private memory and,
-- if the caller lacks memory:read, for every memory. mayfly_private.push calls it for its updates and deletes.
--
-- It runs as owner, where no policies apply, so it repeats the conditions of the policies, each evaluated once. Without
-- these conditions, a sibling of an agent could delete the agent's private memory. Locks the memories in the order of
-- their ids.

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
