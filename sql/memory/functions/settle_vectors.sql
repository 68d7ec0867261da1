-- Moves up to `batch` vectors of one large tenant from the fresh tail into the HNSW index, oldest first. Returns how
-- many it moved, which is 0 if nothing is left to settle. A tenant becomes large when it has `large` vectors of one
-- model, and then stays large. Run it repeatedly in the background, each time in a transaction of its own. Then no
-- finished work is lost when it is stopped. Whenever the tenant has grown enough, it also measures how many candidates
-- a search of the index must keep (mayfly_private.tune_search). pg_cron calls it (operations/schedules.sql), and so
-- does mayfly.maintain for its caller's tenant.
--
-- Locks the vectors that it moves, and the tenant's settlement. Vectors that other transactions have locked are
-- skipped.

create function mayfly_private.settle_vectors(batch integer default 500, large integer default 10000, only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
-- After a bulk load, without statistics, the planner read the whole table for each tenant, which took 45 s.
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  chosen record;
  moved integer;
begin
  with recursive tails as (
    -- Jumps from one tail to the next through the index, without counting their rows.
    (select v.tenant_id, v.model from mayfly.memory_vectors v
    where not v.settled and case when not v.settled then v.tenant_id end >= coalesce(only_tenant, '00000000-0000-0000-0000-000000000000')
    order by case when not v.settled then v.tenant_id end, v.model limit 1)
    union all
    select following.* from tails t cross join lateral (
      select v.tenant_id, v.model from mayfly.memory_vectors v
      where not v.settled and (case when not v.settled then v.tenant_id end, v.model) > (t.tenant_id, t.model)
      order by case when not v.settled then v.tenant_id end, v.model limit 1) following
    where only_tenant is null or t.tenant_id = only_tenant
  )
  select t.tenant_id, t.model into chosen
  from tails t
  where (only_tenant is null or t.tenant_id = only_tenant)
    and (exists (select from mayfly_private.settlements s where s.tenant_id = t.tenant_id and s.model = t.model)
      -- A tenant has at most as many vectors of a model as it has memories. Most tenants have so few memories that
      -- their vectors need not be counted.
      or ((select sum(u.memories) from mayfly_private.tenant_usage u where u.tenant_id = t.tenant_id) >= large
        and exists (
          select from mayfly.memory_vectors v where v.tenant_id = t.tenant_id and v.model = t.model
          offset large - 1)))
  limit 1;
  if not found then
    return 0;
  end if;

  -- The measurement searches for the neighbours of the newest vectors. It runs before this batch is moved into the
  -- index, because vectors that the index does not have are harder to find.
  if exists (
    select from mayfly_private.settlements s
    where s.tenant_id = chosen.tenant_id and s.model = chosen.model
      and s.vectors >= 4000 and s.vectors not between s.tuned_to / 2 and s.tuned_to * 1.25)
  then
    perform mayfly_private.tune_search(chosen.tenant_id, chosen.model);
  end if;

  -- Rows are joined by their position (ctid). Without statistics, a join by key compared each vector with all vectors
  -- of the tenant.
  update mayfly.memory_vectors
  set settled = true
  where ctid = any (array(
    select v.ctid
    from mayfly.memory_vectors v
    where not v.settled and case when not v.settled then v.tenant_id end = chosen.tenant_id and v.model = chosen.model
    order by v.memory_id
    limit batch
    for no key update skip locked));
  get diagnostics moved = row_count;

  if moved > 0 then
    insert into mayfly_private.settlements as s (tenant_id, model, vectors)
    values (chosen.tenant_id, chosen.model, moved)
    on conflict (tenant_id, model) do update set vectors = s.vectors + excluded.vectors, settled_at = mayfly_private.now();
  end if;
  return moved;
end
$$;

comment on function mayfly_private.settle_vectors is 'Settles a batch of a large tenant''s vectors into the HNSW index.';
