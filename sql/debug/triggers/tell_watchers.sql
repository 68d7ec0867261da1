-- Tells those who watch every agent of a tenant about new agents, with the spawn, so that they have joined an agent's
-- stream before its first records. They also hear of it from the log, but its nudges are gathered: then the first
-- records took up to 0.8 s. If the tenant may not broadcast now, only the log tells them. Runs as the owner, because
-- nobody else sends there. Takes a shard of usage (may_tell).

create function mayfly_private.tell_watchers()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform realtime.send(jsonb_build_object('agents', n.ids), 'spawned', format('tenant:%s:debug:new', n.tenant_id), true)
  from (select r.tenant_id, jsonb_agg(r.id) as ids from new_rows r where 'debug:write' = any (r.scopes) group by r.tenant_id) n
  where exists (
      select from mayfly_private.debug_leases l
      where l.tenant_id = n.tenant_id and l.agent_id is null and l.expires_at > (select mayfly_private.now()))
    and mayfly_private.may_tell(n.tenant_id, 1) > 0;
  return null;
end
$$;

comment on function mayfly_private.tell_watchers is 'Trigger: tells those who watch every agent about new ones.';

create trigger agents_tell_watchers after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.tell_watchers();
