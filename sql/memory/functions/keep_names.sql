-- If a put was not stored under its own id, adds the id of the kept memory to its result, and keeps the put's id as
-- another name of that memory. apply_memories calls it with the push as it was sent (`push`) and as it was carried out
-- (`done`). The rows that it locks are already locked by the push.

create function mayfly_private.keep_names(tenant uuid, push jsonb, done jsonb, claimed uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  with kept as (
    select (r.put ->> 'id')::uuid as op, (r.put ->> 'subject')::uuid as name, coalesce(r.did ->> 'kept', r.did ->> 'subject')::uuid as memory,
      r.did ? 'kept' as is_copy, r.did ->> 'type' is distinct from 'memory.put' as is_named
    from rows from (jsonb_array_elements(push), jsonb_array_elements(done)) as r (put, did)
    where r.put ->> 'type' = 'memory.put' and r.put <> r.did and (r.put ->> 'id')::uuid = any (claimed)
  ), names as (
    insert into mayfly.memory_aliases (tenant_id, id, memory_id)
    select tenant, k.name, k.memory from kept k where k.is_named and k.name <> k.memory
    order by k.name
    on conflict (tenant_id, id) do update set memory_id = excluded.memory_id
  )
  update mayfly_private.ops o
  set result = o.result || jsonb_build_object('kept', k.memory) || case when k.is_copy then '{"status": "duplicate"}'::jsonb else '{}' end
  from kept k
  where o.tenant_id = tenant and o.id = k.op;
end
$$;

comment on function mayfly_private.keep_names is 'Keeps the id of each put that was not stored, as an alias of the memory that was stored instead.';
