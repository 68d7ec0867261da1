-- What is left to do once a tenant was embedded by another model: deletes up to max_rows vectors of all
-- other models, of memories that have one of this model. With the secret key, which names the tenant.

create function mayfly.forget_vectors(model text, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_vectors(model, max_rows);

comment on function mayfly.forget_vectors(text, integer) is
  'Deletes vectors of other models than this one, where a memory has one of this: { deleted, more }. While more is true, call it again. For the secret key.';
revoke execute on function mayfly.forget_vectors(text, integer) from public;
grant execute on function mayfly.forget_vectors(text, integer) to service_role;
