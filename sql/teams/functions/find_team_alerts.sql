-- What is wrong in a team by now: kind, cause, agents, detail. `limits` is what watch_team gives it. Called under the lock
-- of the team, after the pulses were taken. Locks nothing.

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
  ), waits as (
    -- A request that nobody has answered and whose time is not over: its sender waits for whoever it asked.
    select distinct r.sender_id as waiter, o.id as awaited
    from recent r
    join members o on o.id = mayfly_private.to_uuid(r.target ->> 'agent')
    where r.reply_required and o.id <> r.sender_id and coalesce(r.deadline > mayfly_private.now(), true)
      and not exists (select from recent a where a.reply_to = r.id)
  ), walks as (
    with recursive walk as (
      select w.waiter as start, w.awaited as at, array[w.waiter] as path from waits w
      union all
      select k.start, w.awaited, k.path || w.waiter from walk k
      join waits w on w.waiter = k.at
      where k.at <> k.start and k.at <> all (k.path) and cardinality(k.path) < 20)
    select k.path from walk k where k.at = k.start
  )
  select 'deadlock', string_agg(u::text, ' ' order by u), array_agg(u order by u), jsonb_build_object('waits', to_jsonb(c.path))
  from (
    -- Each circle once, from its least member.
    select w.path from walks w where w.path[1] <= all (w.path)) c, unnest(c.path) u
  group by c.path
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

comment on function mayfly_private.find_team_alerts is 'What is wrong in a team by now.';
