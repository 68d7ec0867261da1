-- How far the embedding of a tenant's memories by a model has come. With the secret key, which names the tenant.
--
--   memories   those that are not forgotten; `embedded` have a vector of the model, `left` have none
--   waiting    of those left, in the queue, leased ones too;  dead: of those left, failed 5 times
--              left without being either: queue_embeddings has not come to them
--   others     vectors of other models: what forget_vectors deletes

create function mayfly.embedding_progress(model text)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.embedding_progress(model);

comment on function mayfly.embedding_progress(text) is
  'How far the embedding by a model has come: { memories, embedded, left, waiting, dead, others }. For the secret key.';
revoke execute on function mayfly.embedding_progress(text) from public;
grant execute on function mayfly.embedding_progress(text) to service_role;
