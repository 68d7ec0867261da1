-- Forgets memories that have reached their retention or their expires_at, and deletes tombstones after the time in the
-- settings. It is a chore, so maintain_tenant calls it under its lock. It looks at up to max_rows memories in the order
-- of the primary key, and continues where the last batch stopped. So it needs no index, and any batch can be cancelled.
-- `more` is true until the walk has reached its end. Locks the rows that it changes and deletes.
--
-- It also rewrites search words that an older version of mayfly_private.words made.
--
-- Like any delete, forgetting a memory leaves a tombstone and a memory.deleted event, so that caches learn about it.
-- The tombstone is deleted when its event is no longer in the log. By then, cursors from before the event are refused.

create function mayfly_private.maintain_memories(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  long_ago constant timestamptz := instant - mayfly_private.kept();
  walked uuid[];
  gone uuid[];
  erased integer;
begin
  select array_agg(w.id order by w.id) into walked
  from (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant
      and m.id > (select s.walked_to from mayfly_private.maintenance s where s.tenant_id = tenant)
    order by m.id limit max_rows
  ) w;

  with spent as (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at is null
      and (m.expires_at <= instant or exists (
        select from mayfly.tenants t,
          jsonb_to_recordset(t.retention) as rule (older_than double precision, kind text, below_reward real)
        where t.id = tenant and m.created_at < instant - make_interval(secs => rule.older_than)
          and (rule.kind is null or rule.kind = m.kind)
          and (rule.below_reward is null or m.reward < rule.below_reward)))
    order by m.id
    for update skip locked
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = instant, updated_at = instant, version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}', key = null, content_hash = null
    from spent where m.tenant_id = tenant and m.id = spent.id
    returning m.id
  )
  select coalesce(array_agg(f.id), '{}') into gone from forgotten f;
  delete from mayfly.memory_vectors v where v.tenant_id = tenant and v.memory_id = any (gone);
  delete from mayfly.memory_conflicts c where c.tenant_id = tenant and c.memory_id = any (gone);

  -- Rows with search words of an older version.
  update mayfly.memories m
  set words = mayfly_private.words(m.language, m.task, m.tags, m.input, m.output, m.critique), words_version = mayfly_private.words_version()
  where m.tenant_id = tenant and m.id in (
    select o.id from mayfly.memories o
    where o.tenant_id = tenant and o.id = any (walked) and o.words_version <> mayfly_private.words_version()
    order by o.id
    for no key update skip locked);

  if coalesce(cardinality(walked), 0) < max_rows then
    -- At the end of a walk, settled vectors are counted again, without those of erased memories. The count is at least
    -- 1, so a tenant that was large stays large.
    update mayfly_private.settlements s
    set counted_at = instant, vectors = greatest(1, (
      select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = s.model and v.settled))
    where s.tenant_id = tenant and s.counted_at < instant - interval '1 hour';
  end if;

  delete from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at < long_ago;
  get diagnostics erased = row_count;
  delete from mayfly_private.embedding_queue q
  where q.tenant_id = tenant and q.memory_id = any (walked) and not exists (
    select from mayfly.memories m where m.tenant_id = tenant and m.id = q.memory_id and m.deleted_at is null);

  update mayfly_private.maintenance s
  set walked_to = case when cardinality(walked) = max_rows then walked[max_rows] else '00000000-0000-0000-0000-000000000000' end
  where s.tenant_id = tenant;
  return jsonb_build_object('forgotten', cardinality(gone), 'tombstones', erased,
    'more', coalesce(cardinality(walked), 0) = max_rows);
end
$$;

comment on function mayfly_private.maintain_memories is 'One batch of forgetting a tenant''s memories.';
