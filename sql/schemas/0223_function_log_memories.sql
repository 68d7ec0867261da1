-- Appends what happened to memories, once a statement, to those who may see it. As owner: clients
-- have no INSERT on the log. A private memory's events go to its agent.

create function mayfly_private.log_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  -- Once a statement: asked for each row it took 60 µs each.
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, of_epoch,
      case n.visibility when 'agent' then n.agent_id end,
      'memory.created', n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
  else
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, of_epoch,
      case n.visibility when 'agent' then n.agent_id end,
      case when n.deleted_at is not null then 'memory.deleted' else 'memory.updated' end,
      n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
  end if;
  perform mayfly_private.nudge(t.tenant_id, t.audience)
  from (select distinct n.tenant_id, case n.visibility when 'agent' then n.agent_id end as audience from new_rows n) t;
  return null;
end
$$;

comment on function mayfly_private.log_memories() is 'Trigger: appends what happened to memories to the log.';
revoke execute on function mayfly_private.log_memories() from public;

create trigger memories_log_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();

create trigger memories_log_update after update on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();
