-- Claims from the embedding queue. Only the secret key can call it, and the call names the tenant. Any worker can claim
-- memories, embed them and complete them. The sync function does this after each answer that left something to embed,
-- and at POST /sync/drain. With pg_cron and pg_net, each tenant with waiting memories is drained every minute. A claim
-- locks its rows (skip locked) in its own short transaction, so nothing waits for a worker.

create function mayfly_private.claim_embeddings(model text, max_rows integer, lease_seconds integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  claims jsonb;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 100.', null, '{"field": "max_rows"}');
  elsif lease_seconds is null or lease_seconds not between 5 and 600 then
    perform mayfly_private.fail(400, 'invalid_request', 'lease_seconds must be 5 to 600.', null, '{"field": "lease_seconds"}');
  end if;

  -- A memory that was forgotten, or already has its vector, no longer waits.
  delete from mayfly_private.embedding_queue q where (q.tenant_id, q.memory_id) in (
    select d.tenant_id, d.memory_id
    from mayfly_private.embedding_queue d
    left join mayfly.memories m on m.tenant_id = d.tenant_id and m.id = d.memory_id
    where d.tenant_id = tenant and d.dead_at is null and d.due_at <= (select mayfly_private.now())
      and (m.id is null or m.deleted_at is not null or exists (
        select from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model = claim_embeddings.model and v.memory_id = d.memory_id))
    order by d.due_at limit 1000
    for update of d skip locked);
  -- If a worker died while it held the lease, this counts as an attempt too.
  update mayfly_private.embedding_queue q
  set dead_at = (select mayfly_private.now()), error = coalesce(q.error, 'no worker completed it'), lease = null
  where q.tenant_id = tenant and q.dead_at is null and q.attempts >= 5 and q.due_at <= (select mayfly_private.now());

  with due as (
    select q.memory_id from mayfly_private.embedding_queue q
    where q.tenant_id = tenant and q.dead_at is null and q.due_at <= (select mayfly_private.now())
    order by q.due_at limit max_rows
    for update skip locked
  ), claimed as (
    update mayfly_private.embedding_queue q
    set attempts = q.attempts + 1, lease = gen_random_uuid(), due_at = (select mayfly_private.now()) + make_interval(secs => lease_seconds)
    from due where q.tenant_id = tenant and q.memory_id = due.memory_id
    returning q.memory_id, q.lease
  )
  select coalesce(jsonb_agg(jsonb_build_object('memory', c.memory_id, 'lease', c.lease, 'text', left(concat_ws(E'\n',
    nullif(m.task, ''), nullif(array_to_string(m.tags, ' '), ''), nullif(m.input, ''), nullif(m.output, '')), 8000))), '[]')
  into claims
  from claimed c join mayfly.memories m on m.tenant_id = tenant and m.id = c.memory_id;
  return claims;
end
$$;

comment on function mayfly_private.claim_embeddings is 'Leases memories that wait for a vector.';
grant execute on function mayfly_private.claim_embeddings to service_role;

-- Gives a worker a lease on memories that wait for a vector. The sync function calls it with the secret key.

create function mayfly.claim_embeddings(model text, max_rows integer default 20, lease_seconds integer default 60)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_embeddings(model, max_rows, lease_seconds);

comment on function mayfly.claim_embeddings is
  'Leases memories that wait for a vector: [{ memory, lease, text }]. For the secret key.';
grant execute on function mayfly.claim_embeddings to service_role;
