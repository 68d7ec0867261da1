-- Stores vectors. Locks the rows of the queue that it completes.

create function mayfly_private.complete_embeddings(model text, results jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  dimensions constant integer := mayfly_private.embedding_dimensions();
  stored integer;
  failed integer;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif jsonb_typeof(results) is distinct from 'array' or jsonb_array_length(results) > 100 or exists (
      select from jsonb_array_elements(results) r
      where case when jsonb_typeof(r) <> 'object' then true
        else mayfly_private.to_uuid(r ->> 'memory') is null or mayfly_private.to_uuid(r ->> 'lease') is null
          or case jsonb_typeof(r -> 'embedding')
            when 'array' then case when jsonb_array_length(r -> 'embedding') <> dimensions or jsonb_path_exists(r -> 'embedding',
              '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000 || (@ != 0 && @ < 1e-30 && @ > -1e-30))') then true
              else extensions.l2_norm((r ->> 'embedding')::extensions.halfvec) = 0 end
            else jsonb_typeof(r -> 'error') is distinct from 'string' end
        end) then
    perform mayfly_private.fail(400, 'invalid_request',
      format('results must be at most 100 of { memory, lease } with an embedding of %s numbers that are not all 0, or an error.', dimensions), null, '{"field": "results"}');
  end if;

  -- A vector is dropped if its lease has ended, or if the text has changed since the claim.
  with done as (
    delete from mayfly_private.embedding_queue q
    using jsonb_array_elements(results) r
    where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
      and jsonb_typeof(r -> 'embedding') = 'array'
    returning q.memory_id, r ->> 'embedding' as embedding
  ), inserted as (
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, complete_embeddings.model, d.memory_id, d.embedding::extensions.halfvec
    from done d join mayfly.memories m on m.tenant_id = tenant and m.id = d.memory_id and m.deleted_at is null
    on conflict do nothing
    returning 1
  )
  select count(*) into stored from inserted;
  update mayfly_private.embedding_queue q
  set error = left(r ->> 'error', 500), lease = null,
    due_at = (select mayfly_private.now()) + interval '30 seconds' * 4 ^ (q.attempts - 1),
    dead_at = case when q.attempts >= 5 then (select mayfly_private.now()) end
  from jsonb_array_elements(results) r
  where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
    and jsonb_typeof(r -> 'error') = 'string';
  get diagnostics failed = row_count;
  return jsonb_build_object('stored', stored, 'failed', failed, 'waiting', (
    select count(*) from (select from mayfly_private.embedding_queue q
      where q.tenant_id = tenant and q.dead_at is null and q.due_at <= (select mayfly_private.now()) limit 1000) w));
end
$$;

comment on function mayfly_private.complete_embeddings is 'Stores the vectors of leased memories.';
grant execute on function mayfly_private.complete_embeddings to service_role;

-- Stores the vectors that a worker has made for its leases. The sync function calls it with the secret key.

create function mayfly.complete_embeddings(model text, results jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_embeddings(model, results);

comment on function mayfly.complete_embeddings is
  'Completes leases by [{ memory, lease, embedding } or { memory, lease, error }]: { stored, failed, waiting }. For the secret key.';
grant execute on function mayfly.complete_embeddings to service_role;
