-- Checks scope, rate, quota and depth, inserts and logs, in one transaction. Locks the tenant's row (see open_spawn).
--
-- A registration key stands for one agent of its spawner at a time. While that agent lives, the answer is the same
-- agent, with its lifetime, a new token and a new renewal secret. Older secrets stop working.

create function mayfly_private.spawn_agent(
  name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb, registration_key text,
  renew boolean
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  spawner constant mayfly_private.spawner := mayfly_private.open_spawn(1);
  of_tenant constant uuid := (spawner.tenant).id;
  spawner_id constant uuid := coalesce(spawner.id, '00000000-0000-0000-0000-000000000000');
  agent mayfly.agents;
begin
  if registration_key is not null then
    if char_length(registration_key) not between 1 and 200 then
      perform mayfly_private.fail(400, 'invalid_request', 'registration_key must have 1 to 200 characters.', null, '{"field": "registration_key"}');
    end if;
    select a.* into agent
    from mayfly_private.registrations r
    join mayfly.agents a on a.tenant_id = r.tenant_id and a.id = r.agent_id
    where r.tenant_id = of_tenant and r.spawner = spawner_id and r.key = registration_key
      and mayfly_private.effective_status(a) in ('running', 'suspended')
    for no key update of a;
    if agent.id is not null then
      if agent.status = 'suspended' then
        perform mayfly_private.fail(409, 'agent_suspended', 'The agent of this registration key is suspended.',
          'Resume it, or stop it and register again.', jsonb_build_object('agent', agent.id));
      end if;
      -- The caller may have lost scopes since it registered the agent. The agent's token would give them back.
      perform mayfly_private.check_scopes(agent.scopes, spawner.allowed);
      perform mayfly_private.extend_life(of_tenant, agent.id);
      perform mayfly_private.void_secrets(of_tenant, agent.id);
      return mayfly_private.issue_token(of_tenant, agent.id) || '{"existing": true}';
    end if;
  end if;

  agent := mayfly_private.draft_agent(spawner, '{}', name, null, type, lifetime, capabilities, scopes, task, metadata, renew);
  perform mayfly_private.check_living(spawner.tenant, 1);
  perform mayfly_private.insert_agents(array[agent]);
  if registration_key is not null then
    insert into mayfly_private.registrations as r (tenant_id, spawner, key, agent_id)
    values (of_tenant, spawner_id, registration_key, agent.id)
    on conflict on constraint registrations_pkey do update set agent_id = excluded.agent_id;
  end if;

  perform mayfly_private.reap(of_tenant);
  return mayfly_private.issue_token(of_tenant, agent.id) || '{"existing": false}';
end
$$;

comment on function mayfly_private.spawn_agent is 'Spawns an agent in the tenant of the caller.';
grant execute on function mayfly_private.spawn_agent to authenticated, service_role;

-- Spawns an agent. Called by the spawn function with the identity of its caller (scope agent:spawn). A child never gets
-- more rights than its parent. Missing values come from the agent's type, if the type is defined, and a missing name
-- comes from a pool. With renew, each new token restarts the agent's lifetime, up to the maximum of its tenant and its
-- type. Returns the agent, its type, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text default null,
  type text default null,
  lifetime double precision default null,
  capabilities text[] default null,
  scopes text[] default null,
  task text default null,
  metadata jsonb default null,
  registration_key text default null,
  renew boolean default false
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => lifetime), capabilities,
  scopes, task, coalesce(metadata, '{}'), registration_key, renew);

comment on function mayfly.spawn_agent is
  'Spawns an agent with a lifetime in seconds (300 by default). Returns { agent, type, claims, renewal_secret, existing }.';
grant execute on function mayfly.spawn_agent to authenticated, service_role;
