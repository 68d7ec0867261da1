-- Counts memories and vectors. It is a definer, because the queue is a private table. It reads the keys of all memories
-- of the tenant. Locks nothing.

create function mayfly_private.embedding_progress(model text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  end if;
  return (
    with counted as materialized (
      select count(*) as memories, count(v.memory_id) as embedded,
        count(q.memory_id) filter (where v.memory_id is null and q.dead_at is null) as waiting,
        count(q.memory_id) filter (where v.memory_id is null and q.dead_at is not null) as dead
      from mayfly.memories m
      left join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = embedding_progress.model and v.memory_id = m.id
      left join mayfly_private.embedding_queue q on q.tenant_id = tenant and q.memory_id = m.id
      where m.tenant_id = tenant and m.deleted_at is null
    )
    select jsonb_build_object('memories', c.memories, 'embedded', c.embedded, 'left', c.memories - c.embedded,
      'waiting', c.waiting, 'dead', c.dead, 'others', (
        select count(*) from mayfly.memory_vectors o where o.tenant_id = tenant and o.model <> embedding_progress.model))
    from counted c);
end
$$;

comment on function mayfly_private.embedding_progress is 'How far memories are embedded with a model.';
grant execute on function mayfly_private.embedding_progress to service_role;

-- How many of a tenant's memories have been embedded with a model. For the secret key, which names the tenant.
--
--   memories   all that are not forgotten. `embedded` of them have a vector of the model, and `left` have none
--   waiting    those of `left` that are in the queue, including leased ones
--   dead       those of `left` that failed 5 times. The rest of `left` is not queued yet
--   others     vectors of other models, which forget_vectors deletes

create function mayfly.embedding_progress(model text)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.embedding_progress(model);

comment on function mayfly.embedding_progress is
  'How far memories are embedded with a model: { memories, embedded, left, waiting, dead, others }. For the secret key.';
grant execute on function mayfly.embedding_progress to service_role;
