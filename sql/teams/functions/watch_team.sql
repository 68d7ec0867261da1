-- Checks a team and stores its alerts. Locks the team, so that watchers check the team one after the other, and each
-- alert goes to only one of them.

create function mayfly_private.watch_team(team_id uuid, limits jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  ts constant timestamptz := mayfly_private.now();
  within jsonb := '{"thinking": 300, "executing": 600, "blocked": 1800, "repeats": 5, "window": 600, "patience": 60}';
  fault text;
  team mayfly.teams;
  raised uuid[];
  taken jsonb;
begin
  if jsonb_typeof(coalesce(limits, '{}')) <> 'object' then
    fault := 'limits';
  else
    select l.key into fault from jsonb_each(coalesce(limits, '{}')) l
    where l.key not in ('thinking', 'executing', 'blocked', 'repeats', 'window', 'patience', 'usd')
      or not coalesce(mayfly_private.number_within(l.value, case l.key when 'usd' then 0 when 'repeats' then 2 else 1 end, 1e6, l.key = 'repeats'), false)
    limit 1;
  end if;
  if fault is not null then
    perform mayfly_private.fail(400, 'invalid_request',
      'limits must be { thinking, executing, blocked, window, patience } in seconds, { repeats } of at least 2, { usd }.', null,
      jsonb_build_object('field', fault));
  end if;
  team := mayfly_private.open_team(tenant, watch_team.team_id);
  within := within || coalesce(limits, '{}');
  -- If the caller gives no limit of costs, the limit is half of the team's whole budget.
  if not within ? 'usd' then
    within := within || coalesce((
      select jsonb_build_object('usd', b.hard_usd / 2) from mayfly.budgets b
      where b.tenant_id = tenant and b.level = 'team' and b.subject = team.id::text and b.hard_usd is not null), '{}');
  end if;

  insert into mayfly_private.team_pulses as p (tenant_id, team_id, agent_id, mark, since)
  select tenant, team.id, a.id,
    md5(concat_ws(' ', a.activity, a.task, (
      select max(s.seq) from mayfly.jobs j
      join mayfly.job_steps s on s.tenant_id = j.tenant_id and s.job_id = j.id
      where j.tenant_id = tenant and j.holder = a.id and j.status = 'running'))), ts
  from mayfly.team_members m
  join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
  where m.tenant_id = tenant and m.team_id = team.id and a.status = 'running'
  on conflict on constraint team_pulses_pkey do update set mark = excluded.mark, since = excluded.since where p.mark <> excluded.mark;

  with found as (
    select f.kind, f.cause, f.agents, f.detail from mayfly_private.find_team_alerts(tenant, team.id, within) f
    order by f.kind, f.cause limit 1000
  ), kept as (
    insert into mayfly.team_alerts as a (tenant_id, team_id, kind, cause, agents, detail, found_at, seen_at)
    select tenant, team.id, f.kind, f.cause, f.agents, f.detail, ts, ts from found f
    on conflict (tenant_id, team_id, kind, cause) where status = 'open' do update
    set detail = excluded.detail, seen_at = ts,
      -- If what was done about the alert did not help, the alert is raised again.
      times = a.times + coalesce(a.handled_at <= ts - make_interval(secs => (within ->> 'patience')::double precision), false)::integer,
      handled_at = case when a.handled_at > ts - make_interval(secs => (within ->> 'patience')::double precision) then a.handled_at end,
      taken_at = case when a.handled_at <= ts - make_interval(secs => (within ->> 'patience')::double precision) then null else a.taken_at end
    returning a.id, a.times, (a.found_at = ts) or (a.handled_at is null and a.taken_at is null) as is_new
  )
  select array_agg(k.id order by k.id) filter (where k.is_new) into raised from kept k;
  update mayfly.team_alerts a set status = 'over'
  where a.tenant_id = tenant and a.team_id = team.id and a.status = 'open' and a.seen_at < ts;
  perform mayfly_private.append_events(tenant, 'team.alert', raised);

  with due as (
    update mayfly.team_alerts a set taken_at = ts
    where a.tenant_id = tenant and a.team_id = team.id and a.status = 'open' and a.handled_at is null
      and (a.taken_at is null or a.taken_at < ts - interval '60 seconds')
    returning a.*)
  select coalesce(jsonb_agg(mayfly_private.show_team_alert(d) order by d.kind, d.cause), '[]') into taken from due d;
  return jsonb_build_object('alerts', taken, 'open', (
    select count(*) from mayfly.team_alerts a where a.tenant_id = tenant and a.team_id = team.id and a.status = 'open'));
end
$$;

comment on function mayfly_private.watch_team is 'Checks a team and stores its alerts.';
grant execute on function mayfly_private.watch_team to authenticated, service_role;

-- Looks for problems in a running team (scope team:manage): agents that wait for each other in a cycle, repeated
-- messages or tool calls, members that have done the same thing for too long, and runaway costs. Each new finding is
-- logged as the event team.alert. Returns { alerts, open }: the alerts for this caller to act on, and how many are
-- open. Each alert goes to one caller of watch_team. After a minute, it goes to a caller again, unless handle_alert has
-- recorded what was done.

create function mayfly.watch_team(team_id uuid, limits jsonb default '{}')
returns jsonb
language sql
set search_path = ''
return mayfly_private.watch_team(team_id, limits);

comment on function mayfly.watch_team is 'Looks for problems in a team: { alerts, open }.';
grant execute on function mayfly.watch_team to authenticated, service_role;
