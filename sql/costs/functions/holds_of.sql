-- Returns holds of the caller by id. Locks their budgets, then the holds. Called by settle_costs and release_costs.

create function mayfly_private.holds_of(holder mayfly_private.job_holder, ids uuid[], out holds mayfly_private.cost_holds[], out budgets mayfly.budgets[])
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
begin
  budgets := (
    select mayfly_private.budgets_of(array_agg(h.tenant_id), array_agg(l.level), array_agg(l.subject))
    from mayfly_private.cost_holds h, lateral (
      values ('tenant', ''), ('agent', h.agent), ('run', h.run_id::text)
      union all
      select o, t from unnest(h.groups) t, unnest(array['team', 'run']) o) as l (level, subject)
    where h.id = any (ids) and h.holder = holder.id and (holder.tenant_id is null or h.tenant_id = holder.tenant_id) and l.subject is not null);
  budgets := coalesce(budgets, '{}');
  select coalesce(array_agg(l order by l.tenant_id, l.id), '{}') into holds
  from (
    select h.* from mayfly_private.cost_holds h
    where h.id = any (ids) and h.holder = holder.id and (holder.tenant_id is null or h.tenant_id = holder.tenant_id)
    order by h.tenant_id, h.id
    for update) l;
end
$$;

comment on function mayfly_private.holds_of is 'Locks and returns the holds of a caller, with their budgets.';
