-- Applies the deletes of a push. Each leaves a tombstone without vectors or conflicts. Called by
-- mayfly_private.push, which has locked the targets. Returns how many memories it wrote.
--
-- A memory that does not exist, or that the caller may not forget, is not a target. Its delete gets the result `gone`,
-- as an update would. So a drained outbox cannot delete another agent's private memory: only that agent, its ancestors
-- and admins can.

create function mayfly_private.apply_deletes(tenant uuid, push jsonb, claimed uuid[], targets uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  gone integer;
begin
  with deletes as (
    select (op ->> 'id')::uuid as op, (op ->> 'subject')::uuid as memory
    from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed)
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = instant, updated_at = instant, version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}', key = null, content_hash = null
    from deletes d
    where m.tenant_id = tenant and m.id = d.memory and d.memory = any (targets)
    returning m.id
  ), conflicts as (
    delete from mayfly.memory_conflicts c using forgotten f
    where c.tenant_id = tenant and c.memory_id = f.id
  ), vectors as (
    delete from mayfly.memory_vectors v using forgotten f
    where v.tenant_id = tenant and v.memory_id = f.id
  )
  update mayfly_private.ops o
  set result = o.result || '{"status": "gone"}'
  from deletes d
  where o.tenant_id = tenant and o.id = d.op and d.memory not in (select f.id from forgotten f);
  get diagnostics gone = row_count;
  return (
    select count(*) - gone from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed));
end
$$;

comment on function mayfly_private.apply_deletes is 'Applies the deletes of a push.';
