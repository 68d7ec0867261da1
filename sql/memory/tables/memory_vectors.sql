-- The meaning of memories, apart from them: updating a reward on 1,000 rows took 3.73 s with the
-- vector inline and 0.026 s without.
--
-- A new vector belongs to the fresh tail, which is read exactly; those of large tenants are settled into
-- the HNSW index in the background (mayfly_private.settle_vectors). So a writer never pays for that index:
-- batches of 100 went in at 911 a second without it and 8.5 with it.

create table mayfly.memory_vectors (
  tenant_id uuid not null,
  model text not null constraint memory_vectors_model_length check (char_length(model) between 1 and 100),
  memory_id uuid not null,
  -- As many numbers as mayfly_private.set_dimensions says: nothing else names their count.
  -- A vector of zeros is NaN from everything, which sorts as more alike than what is the same.
  embedding extensions.halfvec(384) not null
    constraint memory_vectors_embedding_points check (extensions.l2_norm(embedding) > 0),
  settled boolean not null default false,
  constraint memory_vectors_pkey primary key (tenant_id, model, memory_id),
  constraint memory_vectors_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_vectors_memory_idx on mayfly.memory_vectors (tenant_id, memory_id);
-- By an expression that no other index has, so that a query by it has no other plan, whatever the
-- statistics: the planner takes the same part of every tenant for unsettled, and read all of a large one by
-- another index (8 to 20 ms in place of 1) where the order of the table made that look cheaper.
create index memory_vectors_tail_idx on mayfly.memory_vectors
  ((case when not settled then tenant_id end), model, memory_id) where not settled;
-- With ef_construction 64, the default, a search by 300 found 0.990 of the best ten among 110,000; with 128 one
-- by 60 finds 0.998. Where vectors lie loosely, with m 16, the default, searches
-- among 100,000 found 0.986, however wide; with 24, 0.987 to 0.992.
create index memory_vectors_settled_idx on mayfly.memory_vectors
  using hnsw (embedding extensions.halfvec_cosine_ops) with (m = 24, ef_construction = 128) where settled;

-- Everybody can see the planner's estimates, so columns that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.memory_vectors
  alter column model set statistics 0,
  alter column embedding set statistics 0;

comment on table mayfly.memory_vectors is 'Embeddings of memories by model. Vectors of different models are never compared.';
comment on column mayfly.memory_vectors.settled is 'Whether a background job has moved it from the fresh tail to the index.';
