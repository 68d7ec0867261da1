-- Finds what is wrong in a team now. For each problem, returns its kind, cause, agents and detail. `limits` comes from
-- watch_team. Called under the lock of the team, after the pulses have been recorded. Locks nothing.

create function mayfly_private.find_team_alerts(tenant uuid, team uuid, limits jsonb)
returns table (kind text, cause text, agents uuid[], detail jsonb)
language sql stable security definer
set search_path = ''
as $$
  with members as (
    select a.id, a.activity, p.since
    from mayfly.team_members m
    join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
    left join mayfly_private.team_pulses p on p.tenant_id = m.tenant_id and p.team_id = m.team_id and p.agent_id = m.agent_id
    where m.tenant_id = tenant and m.team_id = team and mayfly_private.effective_status(a) = 'running'
  ), recent as materialized (
    select m.* from mayfly.messages m
    where m.tenant_id = tenant and m.sent_at > mayfly_private.now() - interval '1 hour' and m.sender_id in (select id from members)
    order by m.sent_at desc limit 20000
  ), waits as materialized (
    select w.* from mayfly_private.find_team_waits(tenant, team, (find_team_alerts.limits ->> 'patience')::double precision) w
  ), walks as (
    -- Every cycle has a request, so the walk starts at the senders of requests. It follows `work` only after a request,
    -- because the work of an agent delays only those who wait for its answer.
    with recursive walk as (
      select w.waiter as start, w.awaited as at, array[w.waiter] as path, w.by from waits w where w.by = 'request'
      union all
      select k.start, w.awaited, k.path || w.waiter, w.by from walk k
      join waits w on w.waiter = k.at
      where k.at <> k.start and k.at <> all (k.path) and cardinality(k.path) < 40 and (w.by <> 'work' or k.by = 'request'))
    select distinct on (o.nodes) k.path, o.nodes, o.agents from walk k,
      lateral (
        select array_agg(u order by u) as nodes,
          array_agg(u order by u) filter (where exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = u)) as agents
        from unnest(k.path) u) o
    where k.at = k.start
    order by o.nodes, k.path
  )
  select 'deadlock', array_to_string(k.nodes, ' '), k.agents, jsonb_build_object('waits', to_jsonb(k.path))
    || jsonb_strip_nulls(jsonb_build_object('jobs', (select jsonb_agg(u order by n) from unnest(k.path) with ordinality as p (u, n) where u <> all (k.agents))))
  from walks k
  union all
  select 'repetition', md5(concat_ws(' ', r.sender_id, r.type, r.target::text, r.payload::text)), array[r.sender_id],
    jsonb_build_object('message', r.type, 'times', count(*), 'to', r.target)
  from recent r
  where r.sent_at > mayfly_private.now() - make_interval(secs => (find_team_alerts.limits ->> 'window')::double precision)
  group by r.sender_id, r.type, r.target, r.payload
  having count(*) >= (find_team_alerts.limits ->> 'repeats')::integer
  union all
  select 'repetition', md5(concat_ws(' ', c.holder, c.tool, c.input::text)), array[c.holder],
    jsonb_build_object('tool', c.tool, 'times', count(*), 'run', (array_agg(c.run_id))[1])
  from mayfly.run_tool_calls c
  join mayfly.runs r on r.tenant_id = c.tenant_id and r.id = c.run_id and r.ended_at is null
  where c.tenant_id = tenant and c.holder in (select id from members)
    and c.started_at > mayfly_private.now() - make_interval(secs => (find_team_alerts.limits ->> 'window')::double precision)
  group by c.holder, c.tool, c.input::text
  having count(*) >= (find_team_alerts.limits ->> 'repeats')::integer
  union all
  select 'silence', m.id::text, array[m.id],
    jsonb_build_object('activity', m.activity, 'seconds', floor(extract(epoch from mayfly_private.now() - m.since)))
  from members m
  where m.activity <> 'idle' and m.since <= mayfly_private.now() - make_interval(secs => (find_team_alerts.limits ->> case m.activity
    when 'thinking' then 'thinking' when 'executing' then 'executing' else 'blocked' end)::double precision)
  union all
  select 'runaway_cost', u.agent_id::text, array[u.agent_id],
    jsonb_build_object('usd', sum(u.usd), 'seconds', (find_team_alerts.limits ->> 'window')::double precision, 'limit', (find_team_alerts.limits ->> 'usd')::numeric)
  from mayfly.model_usage u
  where u.tenant_id = tenant and u.agent_id in (select id from members)
    and u.at > mayfly_private.now() - make_interval(secs => (find_team_alerts.limits ->> 'window')::double precision)
  group by u.agent_id
  having sum(u.usd) > (find_team_alerts.limits ->> 'usd')::numeric
$$;

comment on function mayfly_private.find_team_alerts is 'What is wrong in a team now.';
