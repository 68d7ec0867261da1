-- Stops a team. Without agent:stop, an agent can stop a team that it leads or created, and a person can stop a team
-- that they created. An OAuth client cannot stop agents. Locks the team, then its agents.

create function mayfly_private.stop_team(team_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  team mayfly.teams;
begin
  perform mayfly_private.check_reason(reason);
  select * into team from mayfly.teams t where t.tenant_id = tenant and t.id = stop_team.team_id for no key update;
  if team.id is null then
    perform mayfly_private.fail(404, 'team_unknown', 'There is no such team.', null, '{"field": "team"}');
  elsif not (caller.kind <> 'client' and coalesce(caller.id in (team.lead_id, team.created_by), false) and tenant = any (mayfly_private.tenant_ids('team:manage')))
    and not tenant = any (mayfly_private.tenant_ids('agent:stop')) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'Without it, you can stop only teams that you lead or created.', '{"scope": "agent:stop"}');
  end if;
  if team.status = 'running' then
    perform mayfly_private.end_teams(tenant, array[team.id], stop_team.reason);
    select * into team from mayfly.teams t where t.tenant_id = tenant and t.id = stop_team.team_id;
  end if;
  return mayfly_private.show_team(team);
end
$$;

comment on function mayfly_private.stop_team is 'Ends a team with its members.';
grant execute on function mayfly_private.stop_team to authenticated, service_role;

-- Ends a team: every living member and its descendants end in one statement, and open tenders of the team are
-- withdrawn. The lead, the creator, and callers with agent:stop can do this. Repeating the call changes nothing.

create function mayfly.stop_team(team_id uuid, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.stop_team(team_id, reason);

comment on function mayfly.stop_team is 'Ends a team with its members. Returns the team.';
grant execute on function mayfly.stop_team to authenticated, service_role;
