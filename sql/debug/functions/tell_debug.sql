-- Tells an agent, or all agents that listen (at most 1,000), what they have to record from now on. It broadcasts to
-- their inbox topics, and returns how many agents listen. Broadcasts that the tenant may not send now become due,
-- unless 5,000 are already due for the tenant. (This limit is needed because no quota counts these calls.) If a
-- broadcast is lost, the next one follows when the lease is renewed. An agent also asks for its levels when it joins.
-- Called as owner, under hold_debug, by functions that change the levels. It is in PL/pgSQL, so that it looks up
-- realtime.send when it runs (see announce).

create function mayfly_private.tell_debug(tenant uuid, for_agent uuid)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  listening uuid[];
  allowed integer;
begin
  select coalesce(array_agg(l.agent_id), '{}') into listening
  from (
    select s.agent_id
    from mayfly_private.debug_streams s
    join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
    where s.tenant_id = tenant and (for_agent is null or s.agent_id = for_agent)
      and a.status = 'running' and a.expires_at > (select mayfly_private.now())
      and (a.depth = 0 or mayfly_private.effective_status(a) = 'running')
    limit 1000
  ) l;
  allowed := mayfly_private.may_tell(tenant, cardinality(listening));
  perform realtime.send(t.levels, 'debug_level', t.topic, true), mayfly_private.notify(t.topic, 'debug_level', t.levels)
  from (
    select mayfly_private.debug_levels(tenant, l.agent, (select mayfly_private.debug_rate(tenant))) as levels,
      format('tenant:%s:agent:%s', tenant, l.agent) as topic
    from unnest(listening[:allowed]) l (agent)
    offset 0) t;
  insert into mayfly_private.nudges_due (tenant_id, topic, event)
  select tenant, format('tenant:%s:agent:%s', tenant, l.agent), 'debug_level' from unnest(listening[allowed + 1:]) l (agent)
  where (select count(*) from (select from mayfly_private.nudges_due d where d.tenant_id = tenant limit 5000) d) < 5000;
  return cardinality(listening);
end
$$;

comment on function mayfly_private.tell_debug is 'Tells agents what they have to record.';
