-- For puts of a push that were not stored, returns why: { id, kept } if the tenant already has the content. If the
-- tenant already has the id of such a put, the push is refused. Called by apply_memories. Locks nothing.
--
-- The index memories_content_idx on content_hash keeps a second copy out. apply_memories then stores nothing.

create function mayfly_private.find_copies(tenant uuid, push jsonb, claimed uuid[], written uuid[], by_agent uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  copies jsonb;
begin
  -- Each hash is made once, and the tenant's memories are searched once. If the hash were computed in the condition of
  -- a subquery, a plan without statistics would compute it again for every memory that it reads: 250,000 times for 500
  -- puts and 500 memories.
  with puts as materialized (
    select o.op ->> 'id' as op_id, (o.op ->> 'subject')::uuid as id, case when o.op -> 'body' ->> 'once' = 'true'
      then mayfly_private.content_hash(o.op -> 'body', case o.op #>> '{body,visibility}' when 'agent' then by_agent end) end as hash
    from jsonb_array_elements(push) o (op)
    where o.op ->> 'type' = 'memory.put' and (o.op ->> 'id')::uuid = any (claimed) and (o.op ->> 'subject')::uuid <> all (written)
  ), known as materialized (
    select m.id, m.content_hash from mayfly.memories m
    where m.tenant_id = tenant and m.content_hash = any (array(select p.hash from puts p where p.hash is not null))
  ), taken as materialized (
    select m.id from mayfly.memories m where m.tenant_id = tenant and m.id = any (array(select p.id from puts p))
  )
  select jsonb_object_agg(p.op_id, k.id) into copies
  from puts p
  left join known k on k.content_hash = p.hash and p.id not in (select t.id from taken t);
  if copies is null or copies @? '$.* ? (@ == null)' then
    perform mayfly_private.fail(409, 'memory_exists', 'A memory with one of these ids exists already.',
      'Nothing of this push was applied. Give each memory its own id (UUIDv7).',
      jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'subject')));
  end if;
  return (
    select jsonb_agg(case when copies ? (o.op ->> 'id')
      then jsonb_build_object('id', o.op -> 'id', 'kept', copies -> (o.op ->> 'id')) else o.op end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n));
end
$$;

comment on function mayfly_private.find_copies is 'Finds existing memories with the content of puts that were not stored.';
