-- An assignment adds one to the load of its agent until it ends. Deleted assignments need no change, because they
-- have ended or their tenant is being erased.

create function mayfly_private.count_loads()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into mayfly_private.agent_loads (tenant_id, agent_id, change)
    select n.tenant_id, n.agent_id, count(*) from new_rows n
    where not n.ended
    group by n.tenant_id, n.agent_id;
  else
    insert into mayfly_private.agent_loads (tenant_id, agent_id, change)
    select n.tenant_id, n.agent_id, sum(o.ended::integer - n.ended::integer)
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.job_id = n.job_id
    where n.ended <> o.ended
    group by n.tenant_id, n.agent_id;
  end if;
  return null;
end
$$;

comment on function mayfly_private.count_loads is 'Trigger: counts the open assignments of agents.';

create trigger assignments_count_insert after insert on mayfly.assignments
  referencing new table as new_rows
  for each statement execute function mayfly_private.count_loads();

create trigger assignments_count_update after update on mayfly.assignments
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.count_loads();
