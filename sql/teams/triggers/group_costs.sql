-- Members spend for their team: what they and all that they spawn cost counts in its budget. Locks nothing.

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

comment on function mayfly_private.group_costs is 'Trigger: members spend for their team.';

create trigger team_members_group_costs after insert on mayfly.team_members
  referencing new table as new_rows
  for each statement execute function mayfly_private.group_costs();
