-- Appends events about memories to the log, once per statement, for the readers that may see them. Runs as owner,
-- because clients have no INSERT on the log.
--
-- The audience of a private memory's events is its agent. The agent's ancestors and the tenant's admins see them too,
-- because the policy of mayfly.events equals that of mayfly.memories. If a private memory has no agent, the audience is
-- the tenant's id. No reader has this id, so only admins see these events. When a memory becomes private,
-- `memory.hidden` removes it from the tenant's caches, and readers that still see it get `memory.updated` after that.
-- When a memory becomes visible to the whole tenant, all readers get `memory.updated`.

create function mayfly_private.log_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  -- The epoch is read once per statement, because reading it for each row took 60 µs a row.
  of_epoch constant integer := mayfly_private.current_epoch();
  nudges jsonb;
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, of_epoch,
      case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end,
      'memory.created', n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
    perform mayfly_private.nudge(t.tenant_id, t.audience)
    from (select distinct n.tenant_id, case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end as audience from new_rows n) t;
    return null;
  end if;

  with changed as (
    select n.*, o.visibility = 'tenant' and n.visibility = 'agent' as narrowed,
      case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end as audience,
      case when n.deleted_at is null then array_remove(array[
        case when n.session_id is distinct from o.session_id then 'session_id' end,
        case when n.conversation_id is distinct from o.conversation_id then 'conversation_id' end,
        case when n.kind <> o.kind then 'kind' end,
        case when n.task <> o.task then 'task' end,
        case when n.input <> o.input then 'input' end,
        case when n.output <> o.output then 'output' end,
        case when n.critique <> o.critique then 'critique' end,
        case when n.reward is distinct from o.reward then 'reward' end,
        case when n.success is distinct from o.success then 'success' end,
        case when n.importance <> o.importance then 'importance' end,
        case when n.tags <> o.tags then 'tags' end,
        case when n.metadata <> o.metadata then 'metadata' end,
        case when n.tokens is distinct from o.tokens then 'tokens' end,
        case when n.latency_ms is distinct from o.latency_ms then 'latency_ms' end,
        case when n.visibility <> o.visibility then 'visibility' end,
        case when n.expires_at is distinct from o.expires_at then 'expires_at' end], null) end as fields
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    -- If only the clocks of fields change, no event is written.
    where n.version <> o.version or n.deleted_at is distinct from o.deleted_at
  ), appended as (
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version, fields)
    select c.tenant_id, of_epoch, e.audience, e.type, c.agent_id, c.id, c.version, e.fields
    from changed c, lateral (
      select 1 as n, null::uuid as audience, 'memory.hidden' as type, null::text[] as fields where c.narrowed
      union all
      select 2, c.audience, case when c.deleted_at is not null then 'memory.deleted' else 'memory.updated' end, c.fields) e
    order by c.id, e.n
    returning tenant_id, audience
  )
  select jsonb_agg(distinct jsonb_build_object('tenant', a.tenant_id, 'audience', a.audience)) into nudges from appended a;
  perform mayfly_private.nudge(t.tenant, t.audience) from jsonb_to_recordset(nudges) as t (tenant uuid, audience uuid);
  return null;
end
$$;

comment on function mayfly_private.log_memories is 'Trigger: appends what happened to memories to the log.';

create trigger memories_log_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();

create trigger memories_log_update after update on mayfly.memories
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_memories();
