-- The teams that an agent spends for: its own, and those of its ancestors. Locks nothing.

create function mayfly_private.cost_groups_of(tenant uuid, spender uuid)
returns text[]
language sql stable security definer
set search_path = ''
return array(
  select distinct g.subject
  from mayfly.agents a
  join mayfly_private.cost_groups g on g.tenant_id = a.tenant_id and g.agent_id = any (a.ancestors || a.id)
  where a.tenant_id = tenant and a.id = spender
  order by g.subject);

comment on function mayfly_private.cost_groups_of is 'The teams that an agent spends for.';
