-- Appends events about facts to the log, once per statement, with ids only. Runs as the owner, because clients have no
-- INSERT on the log. Events about a private fact have its agent as their audience. If a fact is only confirmed, there
-- is no event.

create function mayfly_private.log_facts()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select n.tenant_id, of_epoch, n.private_to, 'fact.recorded', n.agent_id, n.id from new_rows n order by n.recorded_at, n.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to) from (select distinct n.tenant_id, n.private_to from new_rows n) t;
  elsif tg_op = 'UPDATE' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select n.tenant_id, of_epoch, n.private_to, 'fact.ended', n.agent_id, n.id
    from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.valid_to is distinct from o.valid_to
    order by n.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to)
    from (select distinct n.tenant_id, n.private_to from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where n.valid_to is distinct from o.valid_to) t;
  else
    -- While a tenant is being deleted, nothing is logged.
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select o.tenant_id, of_epoch, o.private_to, 'fact.forgotten', o.agent_id, o.id
    from old_rows o join mayfly.tenants t on t.id = o.tenant_id order by o.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to)
    from (select distinct o.tenant_id, o.private_to from old_rows o join mayfly.tenants t on t.id = o.tenant_id) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_facts is 'Trigger: appends what happened to facts to the log.';

create trigger facts_log_insert after insert on mayfly.facts
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_facts();

create trigger facts_log_update after update on mayfly.facts
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_facts();

create trigger facts_log_delete after delete on mayfly.facts
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_facts();
