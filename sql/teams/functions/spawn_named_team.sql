-- Creates the team, its agents, its members and its channel, all or none. Locks what spawn_team locks, the tenant's row
-- first.

create function mayfly_private.spawn_named_team(team jsonb, settings jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_channels constant integer := 1000;
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  ts constant timestamptz := mayfly_private.now();
  seconds constant double precision := (settings ->> 'deadline')::double precision;
  fault record;
  made mayfly.teams;
  groups jsonb;
  roles text[];
  issued jsonb;
  channel uuid;
begin
  perform mayfly_private.check_team(team);
  perform mayfly_private.check_team_settings(settings);
  select g.n - 1 as index into fault
  from jsonb_array_elements(team) with ordinality as g (item, n)
  where not coalesce(coalesce(g.item ->> 'role', g.item ->> 'type', 'agent') ~ '^[a-z0-9][a-z0-9_.-]{0,62}$', false)
    or (g.item ->> 'role' = 'lead' and (g.n > 1 or coalesce((g.item ->> 'count')::integer, 1) > 1))
  order by g.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format(
        'team[%s].role must have only lower case letters, digits, dots, dashes or underscores, and lead must be one agent and come first.', fault.index), null,
      jsonb_build_object('index', fault.index, 'field', 'role'));
  end if;
  if seconds is not null then
    select g.n - 1 as index into fault from jsonb_array_elements(team) with ordinality as g (item, n)
    where (g.item ->> 'renew')::boolean order by g.n limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_request', format('team[%s].renew must be false, because the team has a deadline.', fault.index),
        'Leave out renew or the deadline.', jsonb_build_object('index', fault.index, 'field', 'renew'));
    end if;
  end if;

  groups := (
    select jsonb_agg(case when seconds is null then g.item else g.item || jsonb_build_object('renew', false,
      'lifetime', least(coalesce((g.item ->> 'lifetime')::double precision, seconds), seconds)) end order by g.n)
    from jsonb_array_elements(team) with ordinality as g (item, n));
  roles := array(
    select coalesce(g.item ->> 'role', g.item ->> 'type', 'agent')
    from jsonb_array_elements(groups) with ordinality as g (item, n), generate_series(1, coalesce((g.item ->> 'count')::integer, 1)) nth
    order by g.n, nth);
  issued := mayfly_private.spawn_team(groups);

  -- spawn_team has locked the tenant's row, so of two concurrent calls, the second sees what the first created.
  if coalesce((settings ->> 'channel')::boolean, true) then
    if (select count(*) >= max_channels from mayfly.channels c where c.tenant_id = tenant) then
      perform mayfly_private.fail(403, 'quota_exceeded', format('A tenant can have at most %s channels.', max_channels),
        'Spawn the team without a channel, or delete channels that nobody needs.', jsonb_build_object('quota', 'channels', 'limit', max_channels));
    end if;
    channel := gen_random_uuid();
    insert into mayfly.channels (tenant_id, id, name, kind, description, created_by)
    values (tenant, channel, 'team-' || channel, 'two_way', format('Of the team %s.', settings ->> 'name'), mayfly_private.caller_id());
    insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
    select tenant, channel, (i -> 'agent' ->> 'id')::uuid, 0 from jsonb_array_elements(issued) i;
  end if;
  insert into mayfly.teams as t (tenant_id, name, task, lead_id, channel_id, deadline, metadata, created_by, created_at)
  values (tenant, settings ->> 'name', settings ->> 'task', case when roles[1] = 'lead' then (issued -> 0 -> 'agent' ->> 'id')::uuid end, channel,
    mayfly_private.now() + make_interval(secs => seconds), coalesce(nullif(settings -> 'metadata', 'null'), '{}'), mayfly_private.caller_id(), ts)
  on conflict do nothing
  returning t.* into made;
  if made.id is null then
    perform mayfly_private.fail(409, 'name_taken', format('A team named %s is already running.', settings ->> 'name'),
      'Choose another name, or stop that team.', '{"field": "name"}');
  end if;
  -- The budget can only lower what the members may spend, so it needs no cost:admin.
  if jsonb_typeof(settings -> 'budget') = 'object' then
    insert into mayfly.budgets (tenant_id, level, subject, hard_usd, soft_usd, hard_tokens, period_start)
    values (tenant, 'team', made.id, (settings -> 'budget' ->> 'hard_usd')::numeric, (settings -> 'budget' ->> 'soft_usd')::numeric,
      (settings -> 'budget' ->> 'hard_tokens')::bigint, ts);
  end if;
  insert into mayfly.team_members (tenant_id, team_id, agent_id, role, joined_at)
  select tenant, made.id, (i.one -> 'agent' ->> 'id')::uuid, roles[i.n], ts from jsonb_array_elements(issued) with ordinality as i (one, n);
  perform mayfly_private.append_events(tenant, 'team.created', array[made.id]);
  return jsonb_build_object('team', mayfly_private.show_team(made), 'agents', issued);
end
$$;

comment on function mayfly_private.spawn_named_team is 'Spawns a team with a name, all or none.';
grant execute on function mayfly_private.spawn_named_team to authenticated, service_role;

-- Spawns a team with a name, all or none (scopes agent:spawn and team:manage). The spawn function calls it with the
-- identity of its own caller. `team` has the form that spawn_team accepts, and each group may also have a role. If
-- there is a group with the role `lead`, it comes first and has one agent. `settings` is { name, task, deadline,
-- budget, channel, metadata }. The deadline is in seconds, and no member lives longer. `budget` is { hard_usd,
-- soft_usd, hard_tokens }. Returns the team, and for each agent what spawn_agent returns.

create function mayfly.spawn_named_team(team jsonb, settings jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_named_team(team, settings);

comment on function mayfly.spawn_named_team is 'Spawns groups of agents as a team with a name, all or none: { team, agents }.';
grant execute on function mayfly.spawn_named_team to authenticated, service_role;
