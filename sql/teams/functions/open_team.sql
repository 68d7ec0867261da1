-- Locks a running team of the tenant. A team of another tenant is treated as if it did not exist.

create function mayfly_private.open_team(tenant uuid, id uuid)
returns mayfly.teams
language plpgsql security definer
set search_path = ''
as $$
declare
  team mayfly.teams;
begin
  select * into team from mayfly.teams t where t.tenant_id = tenant and t.id = open_team.id for no key update;
  if team.id is null then
    perform mayfly_private.fail(404, 'team_unknown', 'There is no such team.', null, '{"field": "team"}');
  elsif team.status <> 'running' then
    perform mayfly_private.fail(409, 'team_ended', 'The team has ended.', 'Spawn another team.', '{"field": "team"}');
  end if;
  return team;
end
$$;

comment on function mayfly_private.open_team is 'Locks and returns a running team.';
