-- What an agent has to record now: { levels: {category: level}, seconds, all, sends_per_second, persist,
-- max_records_per_minute }. The level of a category is the highest that anyone has leased. `seconds` is how long the
-- last of these leases still lasts. It is not an instant, because clocks differ. `persist` is the level up to which the
-- tenant keeps records, and 0 if it keeps none. `all` is true if somebody watches every agent. Such a watcher was told
-- about this agent when the agent was spawned (tell_watchers). The argument `rate` is the result of debug_rate, which
-- the caller computes once for many agents. Called as owner.

create function mayfly_private.debug_levels(tenant uuid, agent uuid, rate numeric)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'levels', coalesce((
      select jsonb_object_agg(c.category, c.level)
      from (
        select category, max(l.level) as level
        from mayfly_private.debug_leases l, unnest(coalesce(l.categories, mayfly_private.debug_categories())) category
        where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())
        group by category
      ) c), '{}'),
    'seconds', coalesce((
      select round(extract(epoch from max(l.expires_at) - (select mayfly_private.now())), 3)
      from mayfly_private.debug_leases l
      where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())), 0),
    'all', exists (
      select from mayfly_private.debug_leases l
      where l.tenant_id = t.id and l.agent_id is null and l.expires_at > (select mayfly_private.now())),
    'sends_per_second', rate,
    'persist', case when (t.debug ->> 'persist')::boolean then (t.debug ->> 'level')::integer else 0 end,
    'max_records_per_minute', (t.debug ->> 'max_records_per_minute')::integer)
  from mayfly.tenants t
  where t.id = tenant
);

comment on function mayfly_private.debug_levels is 'What an agent has to record now.';
