-- Leases memories that wait for a vector to a worker. Called by the sync function, with the secret key.

create function mayfly.claim_embeddings(model text, max_rows integer default 20, lease_seconds integer default 60)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_embeddings(model, max_rows, lease_seconds);

comment on function mayfly.claim_embeddings(text, integer, integer) is
  'Leases memories that wait for a vector: [{ memory, lease, text }]. For the secret key.';
revoke execute on function mayfly.claim_embeddings(text, integer, integer) from public;
grant execute on function mayfly.claim_embeddings(text, integer, integer) to service_role;
