-- How many numbers a vector of this project has. This number is stored only in the type of the column, and a release
-- never changes it. Each call that handles a vector reads the number once, which takes 10 µs. Locks nothing.

create function mayfly_private.embedding_dimensions()
returns integer
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    select a.atttypmod from pg_catalog.pg_attribute a
    where a.attrelid = 'mayfly.memory_vectors'::regclass and a.attname = 'embedding');
end
$$;

comment on function mayfly_private.embedding_dimensions is 'How many numbers a vector has.';
grant execute on function mayfly_private.embedding_dimensions to authenticated, service_role;

-- The edge functions, which make vectors, and callers that pass their own vectors ask this function for the length of a
-- vector.

create function mayfly.embedding_dimensions()
returns integer
language sql stable
set search_path = ''
return mayfly_private.embedding_dimensions();

comment on function mayfly.embedding_dimensions is 'How many numbers the vectors of this project have: 384, or what mayfly init --dimensions set.';
grant execute on function mayfly.embedding_dimensions to authenticated, service_role;
