-- The vectors of a tenant and a model that are nearest to one, by cosine distance, and how alike they
-- are (1 at best). Visibility and filters are the caller's to add. Nothing for a vector that is null.
-- Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
rows 100
as $$
#variable_conflict use_column
begin
  return query
  select v.memory_id, 1 - (v.embedding operator(extensions.<=>) asked) as similarity
  from mayfly.memory_vectors v
  where v.tenant_id = tenant and v.model = nearest.model
  order by v.embedding operator(extensions.<=>) asked, v.memory_id
  limit reach;
end
$$;

comment on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) is 'The vectors that are nearest to one.';
revoke execute on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) from public;
