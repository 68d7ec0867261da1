-- Appends events about agents to the log, once per statement. Runs as the owner, because clients have no INSERT
-- on the log.

create function mayfly_private.log_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  appended integer;
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select n.tenant_id, of_epoch, 'agent.spawned', n.parent_id, n.id
    from new_rows n;
  else
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, fields)
    select n.tenant_id, of_epoch,
      case n.status when 'running' then 'agent.resumed' else 'agent.' || n.status end,
      mayfly_private.caller_id(), n.id, '{status}'
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.status <> o.status;
  end if;
  -- A change of only the activity or the task is not an event.
  get diagnostics appended = row_count;
  if appended > 0 then
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_agents is 'Trigger: appends what happened to agents to the log.';

create trigger agents_log_insert after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_agents();

create trigger agents_log_update after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_agents();
