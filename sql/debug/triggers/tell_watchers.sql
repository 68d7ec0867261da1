-- Tells those who watch every agent of a tenant about new agents as soon as these are spawned, so that they join an
-- agent's stream before its first records. They also learn of the agent from the log. But nudges of the log are sent in
-- batches, so without this broadcast the first records reached a watcher up to 0.8 s late. If the tenant may not
-- broadcast now, watchers learn of the agent only from the log. Runs as the owner, because nobody else sends there.
-- Takes a shard of usage (may_tell).

create function mayfly_private.tell_watchers()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  spawned record;
begin
  for spawned in
    select n.tenant_id as tenant, jsonb_agg(n.id) as ids
    from new_rows n
    where 'debug:write' = any (n.scopes) and exists (
      select from mayfly_private.debug_leases l
      where l.tenant_id = n.tenant_id and l.agent_id is null and l.expires_at > (select mayfly_private.now()))
    group by n.tenant_id
  loop
    -- may_tell is called only if there is something to broadcast, because the call itself counts a broadcast.
    if mayfly_private.may_tell(spawned.tenant, 1) > 0 then
      perform realtime.send(jsonb_build_object('agents', spawned.ids), 'spawned', format('tenant:%s:debug:new', spawned.tenant), true);
    end if;
  end loop;
  return null;
end
$$;

comment on function mayfly_private.tell_watchers is 'Trigger: tells those who watch every agent about new agents.';

create trigger agents_tell_watchers after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.tell_watchers();
