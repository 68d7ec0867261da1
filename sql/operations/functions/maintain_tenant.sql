-- One batch of what time does to a tenant: marks the dead among its agents, forgets the memories that
-- its retention or their expires_at has come for, and deletes tombstones, events and operations that
-- have been kept for as long as the settings say. At most max_rows rows of each are looked at, in the
-- order of the primary keys, on from where the last batch stopped, so that no index is needed and any
-- number of batches may be broken off. `more` is true until the walk over the memories has come to
-- its end and nothing old was left behind. Called by mayfly.maintain and pg_cron, as owner. Locks what
-- it deletes, and the tenant's maintenance: who finds that locked leaves it to the one that holds it.
--
-- What is forgotten leaves a tombstone and a memory.deleted, as any delete: caches hear of it. A
-- tombstone goes when the log that told of it has gone: older cursors are refused.

create function mayfly_private.maintain_tenant(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  of_epoch constant integer := mayfly_private.current_epoch();
  state mayfly_private.maintenance;
  walked uuid[];
  gone uuid[];
  marked integer;
  erased integer;
  events bigint;
  newest xid8;
  ops integer;
  more_messages boolean;
  more_states boolean;
  more_debug boolean;
  more_jobs boolean;
begin
  insert into mayfly_private.maintenance (tenant_id) values (tenant) on conflict do nothing;
  select * into state from mayfly_private.maintenance m where m.tenant_id = tenant for update skip locked;
  if not found then
    return null;
  end if;
  perform set_config('mayfly.maintaining', 'on', true);
  marked := mayfly_private.reap(tenant);

  select array_agg(w.id order by w.id) into walked
  from (select m.id from mayfly.memories m where m.tenant_id = tenant and m.id > state.walked_to order by m.id limit max_rows) w;

  with spent as (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at is null
      and (m.expires_at <= clock_timestamp() or exists (
        select from mayfly.tenants t,
          jsonb_to_recordset(t.retention) as rule (older_than double precision, kind text, below_reward real)
        where t.id = tenant and m.created_at < clock_timestamp() - make_interval(secs => rule.older_than)
          and (rule.kind is null or rule.kind = m.kind)
          and (rule.below_reward is null or m.reward < rule.below_reward)))
    order by m.id
    for update skip locked
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = now(), updated_at = now(), version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}'
    from spent where m.tenant_id = tenant and m.id = spent.id
    returning m.id
  )
  select coalesce(array_agg(f.id), '{}') into gone from forgotten f;
  delete from mayfly.memory_vectors v where v.tenant_id = tenant and v.memory_id = any (gone);
  delete from mayfly.memory_conflicts c where c.tenant_id = tenant and c.memory_id = any (gone);

  if coalesce(cardinality(walked), 0) < max_rows then
    -- At the end of a walk, what was erased of those that were settled no longer counts. A large tenant stays one.
    update mayfly_private.settlements s
    set counted_at = clock_timestamp(), vectors = greatest(1, (
      select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = s.model and v.settled))
    where s.tenant_id = tenant and s.counted_at < clock_timestamp() - interval '1 hour';
  end if;

  delete from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at < long_ago;
  get diagnostics erased = row_count;
  delete from mayfly_private.embedding_queue q
  where q.tenant_id = tenant and q.memory_id = any (walked) and not exists (
    select from mayfly.memories m where m.tenant_id = tenant and m.id = q.memory_id and m.deleted_at is null);

  -- The oldest first, by (xid, id); those of another life of the database can stand anywhere.
  with old as (
    select e.xid, e.id, e.at from mayfly.events e where e.tenant_id = tenant order by e.xid, e.id limit max_rows
  ), deleted as (
    delete from mayfly.events e using old
    where e.tenant_id = tenant and e.xid = old.xid and e.id = old.id and old.at < long_ago
    returning e.xid, e.epoch
  )
  select count(*), max(d.xid) filter (where d.epoch = of_epoch) into events, newest from deleted d;
  if events = 0 and exists (select from mayfly_private.epochs e where e.epoch <> of_epoch) then
    delete from mayfly.events e where (e.tenant_id, e.xid, e.id) in (
      select o.tenant_id, o.xid, o.id from mayfly.events o
      where o.tenant_id = tenant and o.epoch <> of_epoch and o.at < long_ago limit max_rows);
    get diagnostics events = row_count;
  end if;

  -- One whose id says that it was made later (by a clock ahead) is kept until then: its age is what
  -- has it refused once it is forgotten.
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b
    where b.tenant_id = tenant and b.at < long_ago and coalesce(mayfly_private.time_of_id(b.id), '-infinity') < long_ago
    limit max_rows);
  get diagnostics ops = row_count;

  more_messages := mayfly_private.maintain_messages(tenant, max_rows);
  more_states := mayfly_private.maintain_states(tenant, max_rows);
  more_debug := mayfly_private.maintain_debug(tenant, max_rows);
  more_jobs := mayfly_private.maintain_jobs(tenant, max_rows);

  update mayfly_private.maintenance m
  set at = clock_timestamp(),
    walked_to = case when cardinality(walked) = max_rows then walked[max_rows] else '00000000-0000-0000-0000-000000000000' end,
    deleted_to = case when newest is null then m.deleted_to
      when m.epoch = of_epoch then greatest(m.deleted_to, newest) else newest end,
    epoch = case when newest is null then m.epoch else of_epoch end
  where m.tenant_id = tenant;
  perform set_config('mayfly.maintaining', 'off', true);
  return jsonb_build_object('agents', marked, 'forgotten', cardinality(gone), 'tombstones', erased, 'events', events, 'ops', ops,
    'more', coalesce(cardinality(walked), 0) = max_rows or events = max_rows or ops = max_rows or marked = 50 or more_states or more_debug or more_jobs or more_messages);
end
$$;

comment on function mayfly_private.maintain_tenant(uuid, integer) is 'One batch of retention and cleaning for a tenant.';
revoke execute on function mayfly_private.maintain_tenant(uuid, integer) from public;
