-- The costs of members, and of all agents that they spawn, count against the team's budget. Locks nothing.

create function mayfly_private.group_costs()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly_private.cost_groups (tenant_id, agent_id, subject)
  select n.tenant_id, n.agent_id, n.team_id::text from new_rows n
  on conflict do nothing;
  return null;
end
$$;

comment on function mayfly_private.group_costs is 'Trigger: costs of members count against the team''s budget.';

create trigger team_members_group_costs after insert on mayfly.team_members
  referencing new table as new_rows
  for each statement execute function mayfly_private.group_costs();
