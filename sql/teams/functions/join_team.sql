-- Adds members to a team. Locks the team.

create function mayfly_private.join_team(team_id uuid, agent_ids uuid[], role text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_members constant integer := 1000;
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  team mayfly.teams;
  unknown uuid;
  joined uuid[];
begin
  if agent_ids is null or cardinality(agent_ids) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'agents must be 1 to 100 ids.', null, '{"field": "agents"}');
  elsif role is null or role !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' or role = 'lead' then
    perform mayfly_private.fail(400, 'invalid_request', 'role must have only lower case letters, digits, dots, dashes or underscores, and cannot be lead.', null, '{"field": "role"}');
  end if;
  team := mayfly_private.open_team(tenant, join_team.team_id);
  select i into unknown from unnest(agent_ids) i
  where not exists (
    select from mayfly.agents a where a.tenant_id = tenant and a.id = i and mayfly_private.effective_status(a) in ('running', 'suspended'))
  limit 1;
  if found then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such living agent.', 'Nobody was added.', jsonb_build_object('field', 'agents', 'id', unknown));
  end if;
  with added as (
    insert into mayfly.team_members (tenant_id, team_id, agent_id, role, joined_at)
    select tenant, team.id, i, join_team.role, mayfly_private.now() from unnest(agent_ids) i
    on conflict do nothing
    returning agent_id
  )
  select array_agg(a.agent_id) into joined from added a;
  if (select count(*) > max_members from mayfly.team_members m where m.tenant_id = tenant and m.team_id = team.id) then
    perform mayfly_private.fail(403, 'quota_exceeded', format('A team can have at most %s members.', max_members),
      'Create another team.', jsonb_build_object('quota', 'members', 'limit', max_members));
  end if;
  if team.channel_id is not null then
    insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
    select tenant, c.id, i, c.last_seq from mayfly.channels c, unnest(joined) i where c.tenant_id = tenant and c.id = team.channel_id
    on conflict do nothing;
  end if;
  if joined is not null then
    perform mayfly_private.append_events(tenant, 'team.joined', array[team.id]);
  end if;
  return mayfly_private.show_team(team);
end
$$;

comment on function mayfly_private.join_team is 'Adds living agents to a team.';
grant execute on function mayfly_private.join_team to authenticated, service_role;

-- Adds living agents to a running team and its channel (scope team:manage). Existing members do not change. The team's
-- deadline limits only members that were spawned with the team, not those that join.

create function mayfly.join_team(team_id uuid, agent_ids uuid[], role text default 'member')
returns jsonb
language sql
set search_path = ''
return mayfly_private.join_team(team_id, agent_ids, role);

comment on function mayfly.join_team is 'Adds living agents to a running team and its channel. Returns the team.';
grant execute on function mayfly.join_team to authenticated, service_role;
