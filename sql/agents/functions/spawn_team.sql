-- Spawns all agents or none. Rate and quota are checked once for all. Locks the tenant's row (see open_spawn).

create function mayfly_private.spawn_team(team jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  spawner mayfly_private.spawner;
  wanted integer;
  item jsonb;
  agent mayfly.agents;
  drafted mayfly.agents[] := '{}';
  issued jsonb := '[]';
begin
  perform mayfly_private.check_team(team);
  wanted := (select sum(coalesce((g ->> 'count')::integer, 1)) from jsonb_array_elements(team) g);
  spawner := mayfly_private.open_spawn(wanted);

  for item in
    select g.value from jsonb_array_elements(team) with ordinality as g (value, n),
      generate_series(1, coalesce((g.value ->> 'count')::integer, 1)) nth
    order by g.n, nth
  loop
    drafted := drafted || mayfly_private.draft_agent(
      spawner, drafted, null, nullif(mayfly_private.texts_of(item -> 'names'), '{}'), coalesce(item ->> 'type', 'agent'),
      make_interval(secs => (item ->> 'lifetime')::double precision), mayfly_private.texts_of(item -> 'capabilities'),
      mayfly_private.texts_of(item -> 'scopes'), item ->> 'task', coalesce(nullif(item -> 'metadata', 'null'), '{}'),
      (item ->> 'renew')::boolean);
  end loop;
  perform mayfly_private.check_living(spawner.tenant, wanted);
  perform mayfly_private.insert_agents(drafted);
  perform mayfly_private.reap((spawner.tenant).id);

  for agent in select * from unnest(drafted) loop
    issued := issued || (mayfly_private.issue_token(agent.tenant_id, agent.id) || '{"existing": false}');
  end loop;
  return issued;
end
$$;

comment on function mayfly_private.spawn_team is 'Spawns several agents in the tenant of the caller, all or none.';
grant execute on function mayfly_private.spawn_team to authenticated, service_role;

-- Spawns a team in one transaction, all agents or none. Called by the spawn function with the identity of its
-- caller (scope agent:spawn). A group is { type, count, names, lifetime, renew, capabilities, scopes, task,
-- metadata }, where names is the group's own pool of names. Returns what spawn_agent returns for each agent, in the
-- requested order.

create function mayfly.spawn_team(team jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_team(team);

comment on function mayfly.spawn_team is
  'Spawns groups of agents, all or none. Returns an array of { agent, type, claims, renewal_secret, existing }.';
grant execute on function mayfly.spawn_team to authenticated, service_role;
