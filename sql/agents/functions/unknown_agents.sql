-- Returns those of the given ids that belong to no agent of the tenant. Called by mayfly_private.push. It reads as
-- owner, because a caller that pushes for a dead agent does not need agent:read.

create function mayfly_private.unknown_agents(tenant uuid, agents uuid[])
returns uuid[]
language sql stable
set search_path = ''
return (
  select array_agg(claimed)
  from unnest(agents) claimed
  where not exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = claimed)
);

comment on function mayfly_private.unknown_agents is 'The agents in a list that the tenant does not have.';
