-- For another model than before, and for memories that came by another way than a push: each call looks
-- at max_rows memories, so none takes long. To re-embed a tenant, call it with the `after` that it gave
-- until that is null, then POST /sync/drain while mayfly.embedding_progress counts some that wait, then
-- mayfly.forget_vectors. With the secret key, which names the tenant.

create function mayfly.queue_embeddings(model text, max_rows integer default 1000, after uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.queue_embeddings(model, max_rows, after);

comment on function mayfly.queue_embeddings(text, integer, uuid) is
  'Queues those of max_rows memories that have no vector of a model: { queued, after }. Call it again with after, until that is null. For the secret key.';
revoke execute on function mayfly.queue_embeddings(text, integer, uuid) from public;
grant execute on function mayfly.queue_embeddings(text, integer, uuid) to service_role;
