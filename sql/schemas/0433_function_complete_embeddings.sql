-- Takes what a worker has made of its leases. Called by the sync function, with the secret key.

create function mayfly.complete_embeddings(model text, results jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_embeddings(model, results);

comment on function mayfly.complete_embeddings(text, jsonb) is
  'Completes leases by [{ memory, lease, embedding } or { memory, lease, error }]: { stored, failed, waiting }. For the secret key.';
revoke execute on function mayfly.complete_embeddings(text, jsonb) from public;
grant execute on function mayfly.complete_embeddings(text, jsonb) to service_role;
