-- The embedding queue, for the project alone (the secret key, which names the tenant): a worker of any
-- kind claims, embeds, completes. The sync function is one, after each answer that left something to
-- embed and at POST /sync/drain; with pg_cron and pg_net, each tenant that waits is drained each minute.
-- A claim locks what it takes (skip locked) for its own short transaction; nothing waits for a worker.

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

  -- What was forgotten, or has got its vector meanwhile, waits no more.
  delete from mayfly_private.embedding_queue q where (q.tenant_id, q.memory_id) in (
    select d.tenant_id, d.memory_id
    from mayfly_private.embedding_queue d
    join mayfly.memories m on m.tenant_id = d.tenant_id and m.id = d.memory_id
    where d.tenant_id = tenant and d.dead_at is null and d.due_at <= clock_timestamp()
      and (m.deleted_at is not null or exists (
        select from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model = claim_embeddings.model and v.memory_id = d.memory_id))
    order by d.due_at limit 1000
    for update of d skip locked);
  -- A worker that died with its lease has tried, too.
  update mayfly_private.embedding_queue q
  set dead_at = clock_timestamp(), error = coalesce(q.error, 'no worker completed it'), lease = null
  where q.tenant_id = tenant and q.dead_at is null and q.attempts >= 5 and q.due_at <= clock_timestamp();

  with due as (
    select q.memory_id from mayfly_private.embedding_queue q
    where q.tenant_id = tenant and q.dead_at is null and q.due_at <= clock_timestamp()
    order by q.due_at limit max_rows
    for update skip locked
  ), claimed as (
    update mayfly_private.embedding_queue q
    set attempts = q.attempts + 1, lease = gen_random_uuid(), due_at = clock_timestamp() + make_interval(secs => lease_seconds)
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

comment on function mayfly_private.claim_embeddings(text, integer, integer) is 'Leases memories that wait for a vector.';
revoke execute on function mayfly_private.claim_embeddings(text, integer, integer) from public;
grant execute on function mayfly_private.claim_embeddings(text, integer, integer) to service_role;

create function mayfly.claim_embeddings(model text, max_rows integer default 20, lease_seconds integer default 60)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_embeddings(model, max_rows, lease_seconds);

comment on function mayfly.claim_embeddings(text, integer, integer) is
  'Leases memories that wait for a vector: [{ memory, lease, text }]. For the secret key.';
revoke execute on function mayfly.claim_embeddings(text, integer, integer) from public;
grant execute on function mayfly.claim_embeddings(text, integer, integer) to service_role;

create function mayfly_private.complete_embeddings(model text, results jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
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
            when 'array' then jsonb_array_length(r -> 'embedding') <> 384 or jsonb_path_exists(r -> 'embedding',
              '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000 || (@ != 0 && @ < 1e-30 && @ > -1e-30))')
            else jsonb_typeof(r -> 'error') is distinct from 'string' end
        end) then
    perform mayfly_private.fail(400, 'invalid_request',
      'results must be at most 100 of { memory, lease } with an embedding of 384 numbers, or an error.', null, '{"field": "results"}');
  end if;

  -- A lease that is over, or of words that have changed since, is worth nothing.
  with done as (
    delete from mayfly_private.embedding_queue q
    using jsonb_array_elements(results) r
    where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
      and jsonb_typeof(r -> 'embedding') = 'array'
    returning q.memory_id, r ->> 'embedding' as embedding
  ), inserted as (
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, complete_embeddings.model, d.memory_id, d.embedding::extensions.halfvec(384)
    from done d join mayfly.memories m on m.tenant_id = tenant and m.id = d.memory_id and m.deleted_at is null
    on conflict do nothing
    returning 1
  )
  select count(*) into stored from inserted;
  update mayfly_private.embedding_queue q
  set error = left(r ->> 'error', 500), lease = null,
    due_at = clock_timestamp() + interval '30 seconds' * 4 ^ (q.attempts - 1),
    dead_at = case when q.attempts >= 5 then clock_timestamp() end
  from jsonb_array_elements(results) r
  where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
    and jsonb_typeof(r -> 'error') = 'string';
  get diagnostics failed = row_count;
  return jsonb_build_object('stored', stored, 'failed', failed, 'waiting', (
    select count(*) from (select from mayfly_private.embedding_queue q
      where q.tenant_id = tenant and q.dead_at is null and q.due_at <= clock_timestamp() limit 1000) w));
end
$$;

comment on function mayfly_private.complete_embeddings(text, jsonb) is 'Stores the vectors of leased memories.';
revoke execute on function mayfly_private.complete_embeddings(text, jsonb) from public;
grant execute on function mayfly_private.complete_embeddings(text, jsonb) to service_role;

create function mayfly.complete_embeddings(model text, results jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_embeddings(model, results);

comment on function mayfly.complete_embeddings(text, jsonb) is
  'Completes leases by [{ memory, lease, embedding } or { memory, lease, error }]: { stored, failed, waiting }. For the secret key.';
revoke execute on function mayfly.complete_embeddings(text, jsonb) from public;
grant execute on function mayfly.complete_embeddings(text, jsonb) to service_role;

create function mayfly_private.queue_embeddings(model text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  queued integer;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;
  insert into mayfly_private.embedding_queue (tenant_id, memory_id)
  select m.tenant_id, m.id from mayfly.memories m
  where m.tenant_id = tenant and m.deleted_at is null
    and not exists (select from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = queue_embeddings.model and v.memory_id = m.id)
    and not exists (select from mayfly_private.embedding_queue q where q.tenant_id = tenant and q.memory_id = m.id)
  order by m.id
  limit max_rows
  on conflict do nothing;
  get diagnostics queued = row_count;
  return jsonb_build_object('queued', queued, 'more', queued = max_rows);
end
$$;

comment on function mayfly_private.queue_embeddings(text, integer) is 'Queues memories that have no vector of a model.';
revoke execute on function mayfly_private.queue_embeddings(text, integer) from public;
grant execute on function mayfly_private.queue_embeddings(text, integer) to service_role;

-- For another model than before, and for memories that came by another way than a push.
create function mayfly.queue_embeddings(model text, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.queue_embeddings(model, max_rows);

comment on function mayfly.queue_embeddings(text, integer) is
  'Queues memories that have no vector of a model: { queued, more }. For the secret key.';
revoke execute on function mayfly.queue_embeddings(text, integer) from public;
grant execute on function mayfly.queue_embeddings(text, integer) to service_role;

-- Asks the sync function to drain each tenant that waits: a request is lost at worst, and comes again with
-- the next minute. The project's URL and secret key come from Vault, where they are under these names:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('sb_secret_…', 'mayfly_secret_key');
-- Dynamic, since pg_net and Vault need not be there.
create function mayfly_private.request_drains()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  url text;
  secret text;
  tenant uuid;
  requested integer := 0;
begin
  execute $read$select (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_url'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_secret_key')$read$ into url, secret;
  if url is null or secret is null then
    return 0;
  end if;
  for tenant in
    select distinct q.tenant_id from mayfly_private.embedding_queue q
    where q.dead_at is null and q.due_at <= clock_timestamp() limit 50
  loop
    execute 'select net.http_post(url => $1, headers => $2, body => $3, timeout_milliseconds => 20000)'
    using url || '/functions/v1/sync/drain',
      jsonb_build_object('content-type', 'application/json', 'apikey', secret, 'x-mayfly-tenant', tenant), '{}'::jsonb;
    requested := requested + 1;
  end loop;
  return requested;
end
$$;

comment on function mayfly_private.request_drains() is 'Asks the sync function to embed what waits. For pg_cron with pg_net.';
revoke execute on function mayfly_private.request_drains() from public;
