-- Inserts drafted agents in one statement, with one log entry for each agent and one nudge for all of them. Called by
-- spawn_agent and spawn_team.

create function mayfly_private.insert_agents(drafted mayfly.agents[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  inserted integer;
begin
  insert into mayfly.agents
  select d.* from unnest(drafted) d
  on conflict (tenant_id, name) where status in ('running', 'suspended') do nothing;
  get diagnostics inserted = row_count;
  -- A dead agent still has the name. It could not be reaped, because another transaction held its row.
  if inserted < cardinality(drafted) then
    perform mayfly_private.fail(409, 'name_taken', 'An agent that is just ending still has this name.',
      'Try again, or choose another name.', '{"field": "name"}');
  end if;
end
$$;

comment on function mayfly_private.insert_agents is 'Inserts drafted agents in one statement.';
