-- The agents whose private memories the caller may see: itself and its descendants, including ended ones. Policies call
-- it once per statement. Runs as the owner, because the policies of mayfly.agents also call it.

create function mayfly_private.own_agent_ids()
returns uuid[]
language sql stable security definer
set search_path = ''
return (
  select coalesce(array_agg(a.id), '{}')
  from mayfly_private.caller() c
  join mayfly.agents a on a.tenant_id = c.tenant_id and (a.id = c.id or a.ancestors @> array[c.id])
  where c.kind = 'agent'
);

comment on function mayfly_private.own_agent_ids is 'The calling agent and its descendants.';
grant execute on function mayfly_private.own_agent_ids to authenticated;
