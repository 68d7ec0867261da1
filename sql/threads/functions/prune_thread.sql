-- Deletes old checkpoints. Locks the thread until commit, then a shard of usage.

create function mayfly_private.prune_thread(thread text, keep integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:write');
  own_thread mayfly.threads;
  deleted integer;
  freed bigint;
  spent mayfly.thread_writes[];
begin
  if keep is null or keep not between 1 and 10000 then -- bounds: 10000 thread.keep.most
    perform mayfly_private.refuse_thread('keep', '1 to 10000'); -- bounds: 10000 thread.keep.most
  end if;
  select * into own_thread from mayfly.threads t where t.tenant_id = tenant and t.name = thread for update;
  if not found then
    return '{"deleted": 0}';
  end if;
  with recursive ranked as (
    select c.ns, c.id, c.parent, row_number() over (partition by c.ns order by c.id desc) as age,
      -- How many steps ago the last snapshot of a delta channel was taken. To rebuild the channel, LangGraph needs
      -- everything written since then.
      (select max((s.value ->> 1)::integer) from jsonb_each(case when jsonb_typeof(c.metadata -> 'counters_since_delta_snapshot') = 'object'
        then c.metadata -> 'counters_since_delta_snapshot' else '{}' end) s
        where jsonb_typeof(s.value -> 1) = 'number') as needs
    from mayfly.checkpoints c where c.tenant_id = tenant and c.thread_id = own_thread.id
  ), kept as (
    select r.ns, r.id, r.parent, coalesce(r.needs, 0) as needs from ranked r where r.age <= keep
    union
    select r.ns, r.id, r.parent, k.needs - 1 from kept k join ranked r on r.ns = k.ns and r.id = k.parent where k.needs > 0
  ), gone as (
    delete from mayfly.checkpoints c
    where c.tenant_id = tenant and c.thread_id = own_thread.id
      and not exists (select from kept k where k.ns = c.ns and k.id = c.id)
    returning c.bytes
  )
  select count(*), coalesce(sum(g.bytes), 0) into deleted, freed from gone g;
  with needed as (
    select (a.value ->> 1)::integer as chain, max((a.value ->> 2)::integer) as parts
    from mayfly.checkpoints c
    cross join jsonb_each(c.channels) a
    where c.tenant_id = tenant and c.thread_id = own_thread.id and jsonb_typeof(a.value -> 1) = 'number'
    group by 1
  ), gone as (
    delete from mayfly.thread_parts p
    where p.tenant_id = tenant and p.thread_id = own_thread.id
      and not exists (select from needed n where n.chain = p.chain and n.parts >= p.place)
    returning p.bytes
  )
  select freed + coalesce(sum(g.bytes), 0) into freed from gone g;
  -- Deletes only writes that are older than the newest checkpoint, because a running step may write before its own
  -- checkpoint exists.
  spent := array(
    select w from mayfly.thread_writes w
    where w.tenant_id = tenant and w.thread_id = own_thread.id
      and w.checkpoint_id < (select max(c.id) from mayfly.checkpoints c where c.tenant_id = tenant and c.thread_id = own_thread.id and c.ns = w.ns)
      and not exists (
        select from mayfly.checkpoints c
        where c.tenant_id = tenant and c.thread_id = own_thread.id and c.ns = w.ns and c.id = w.checkpoint_id));
  -- Parts that repeat a deleted write now get their whole text.
  with whole as (
    update mayfly.thread_parts p
    set body = mayfly_private.show_part(p), bytes = 64 + octet_length(mayfly_private.show_part(p)),
      of_ns = null, of_checkpoint = null, of_task = null, of_idx = null, head = 0, tail = 0
    from mayfly.thread_parts o, unnest(spent) w
    where p.tenant_id = tenant and p.thread_id = own_thread.id
      and p.of_ns = w.ns and p.of_checkpoint = w.checkpoint_id and p.of_task = w.task_id
      and o.tenant_id = p.tenant_id and o.thread_id = p.thread_id and o.chain = p.chain and o.place = p.place
    returning p.bytes - o.bytes as more
  )
  select freed - coalesce(sum(m.more), 0) into freed from whole m;
  with gone as (
    delete from mayfly.thread_writes w using unnest(spent) s
    where w.tenant_id = tenant and w.thread_id = own_thread.id and w.ns = s.ns and w.checkpoint_id = s.checkpoint_id and w.task_id = s.task_id
    returning w.bytes
  )
  select freed + coalesce(sum(g.bytes), 0) into freed from gone g;
  perform mayfly_private.charge_thread(own_thread, -freed, null, 1);
  return jsonb_build_object('deleted', deleted);
end
$$;

comment on function mayfly_private.prune_thread is 'Deletes old checkpoints.';
grant execute on function mayfly_private.prune_thread to authenticated, service_role;

-- Deletes all but the newest `keep` checkpoints of each namespace of a thread, with the values and writes that nothing
-- else needs. Returns { deleted }. If a kept checkpoint needs older ones to rebuild a delta channel, the older ones
-- stay too. Scope thread:write.

create function mayfly.prune_thread(thread text, keep integer default 1)
returns jsonb
language sql
set search_path = ''
return mayfly_private.prune_thread(thread, keep);

comment on function mayfly.prune_thread is 'Deletes all but the newest checkpoints of each namespace of a thread: { deleted }.';
grant execute on function mayfly.prune_thread to authenticated, service_role;
