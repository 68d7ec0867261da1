-- Sets how many numbers the vectors of the project have. Called only by the migration that mayfly init --dimensions
-- writes, as the owner.
--
-- With more dimensions, existing vectors get zeros at the end. This changes no cosine, so the old model still answers
-- while memories are embedded with another one. With fewer dimensions, no vector can be kept, because nothing says
-- which numbers matter most. All vectors are deleted, and every memory waits for a new one. Until then, memories are
-- found by words. Any change rewrites the table of vectors and rebuilds its HNSW index under an exclusive lock.

create function mayfly_private.set_dimensions(dimensions integer)
returns void
language plpgsql
set search_path = ''
as $$
declare
  present constant integer := mayfly_private.embedding_dimensions();
begin
  if dimensions is null or dimensions not between 256 and 2000 then
    raise exception 'A vector has 256 to 2000 numbers.' using errcode = '22023';
  elsif dimensions = present then
    return;
  end if;
  drop index mayfly.memory_vectors_settled_idx;
  if dimensions > present then
    execute format('alter table mayfly.memory_vectors alter column embedding type extensions.halfvec(%s)
      using (embedding::real[] || array_fill(0::real, array[%s]))::extensions.halfvec(%s)', dimensions, dimensions - present, dimensions);
  else
    insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
    select distinct v.tenant_id, v.memory_id from mayfly.memory_vectors v
    on conflict on constraint embedding_queue_pkey do update
    set attempts = 0, due_at = (select mayfly_private.now()), lease = null, error = null, dead_at = null;
    truncate mayfly.memory_vectors;
    delete from mayfly_private.settlements;
    execute format('alter table mayfly.memory_vectors alter column embedding type extensions.halfvec(%s)', dimensions);
  end if;
  create index memory_vectors_settled_idx on mayfly.memory_vectors
    using hnsw (embedding extensions.halfvec_cosine_ops) with (m = 24, ef_construction = 128) where settled;
  -- The charge for a vector depends on how many numbers it has.
  perform mayfly_private.recount_usage(u.tenant_id) from (select distinct t.tenant_id from mayfly_private.tenant_usage t) u;
end
$$;

comment on function mayfly_private.set_dimensions is 'Sets how many numbers a vector has.';
