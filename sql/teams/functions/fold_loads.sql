-- Replaces the changes of each agent's load by their sum. Two calls at once are safe, because only one of them deletes
-- each row. Called by assign_job when there are many changes, and by maintenance. Holds no lock for long.

create function mayfly_private.fold_loads(tenant uuid)
returns void
language sql security definer
set search_path = ''
as $$
  with gone as (
    delete from mayfly_private.agent_loads l where l.tenant_id = tenant
    returning l.agent_id, l.change)
  insert into mayfly_private.agent_loads (tenant_id, agent_id, change)
  select tenant, g.agent_id, sum(g.change) from gone g
  group by g.agent_id
  having sum(g.change) <> 0
$$;

comment on function mayfly_private.fold_loads is 'Replaces the changes of loads by their sum.';
