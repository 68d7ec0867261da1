-- Queues memories. It looks at max_rows memories in the order of the primary key, starting after `after`. Rows of the
-- queue that are dead get another chance. Locks the rows that it queues.

create function mayfly_private.queue_embeddings(model text, max_rows integer, after uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  walked uuid[];
  queued integer;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;

  select array_agg(w.id order by w.id) into walked
  from (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and (after is null or m.id > after)
    order by m.id limit max_rows) w;

  insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
  select m.tenant_id, m.id from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at is null
    and not exists (select from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = queue_embeddings.model and v.memory_id = m.id)
  order by m.id
  on conflict on constraint embedding_queue_pkey do update
  set attempts = 0, due_at = (select mayfly_private.now()), error = null, dead_at = null
  where q.dead_at is not null;
  get diagnostics queued = row_count;
  return jsonb_build_object('queued', queued,
    'after', case when cardinality(walked) = max_rows then walked[max_rows] end);
end
$$;

comment on function mayfly_private.queue_embeddings is 'Queues memories that have no vector of a model.';
grant execute on function mayfly_private.queue_embeddings to service_role;

-- Queues memories to be embedded by a new model, or memories that were not written by a push. Each call looks at
-- max_rows memories, so none takes long. To re-embed a tenant, call it again with the returned `after` until that is
-- null. Then call POST /sync/drain while mayfly.embedding_progress counts waiting memories, and finally
-- mayfly.forget_vectors. For the secret key, which names the tenant.

create function mayfly.queue_embeddings(model text, max_rows integer default 1000, after uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.queue_embeddings(model, max_rows, after);

comment on function mayfly.queue_embeddings is
  'Looks at max_rows memories, and queues those without a vector of a model: { queued, after }. Call it again with the returned after, until after is null. For the secret key.';
grant execute on function mayfly.queue_embeddings to service_role;
