-- The vectors of memories. They are in a separate table, because then updating the reward of 1,000 memories takes 0.026
-- s. The update took 3.73 s when the vectors were in the table of memories.
--
-- A new vector belongs to the fresh tail, and a search compares all vectors of that tail. In the background, the
-- vectors of large tenants are moved into the HNSW index (settled, by mayfly_private.settle_vectors). So a writer never
-- pays for that index: without it, 911 batches of 100 vectors were written a second, and with it 8.5.

create table mayfly.memory_vectors (
  tenant_id uuid not null,
  model text not null constraint memory_vectors_model_length check (char_length(model) between 1 and 100),
  memory_id uuid not null,
  -- The number of dimensions is set by mayfly_private.set_dimensions and stored nowhere else. A vector of zeros
  -- is refused: its distance to everything is NaN, which would sort before that of an identical vector.
  embedding extensions.halfvec(384) not null
    constraint memory_vectors_embedding_points check (extensions.l2_norm(embedding) > 0),
  settled boolean not null default false,
  constraint memory_vectors_pkey primary key (tenant_id, model, memory_id),
  constraint memory_vectors_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_vectors_memory_idx on mayfly.memory_vectors (tenant_id, memory_id);
-- This index is on an expression that no other index has, so a query with that expression has only one plan. The
-- planner assumes the same share of unsettled vectors for every tenant. With an index on the plain column, the planner
-- sometimes chose another index and read all vectors of a large tenant (8 to 20 ms instead of 1).
create index memory_vectors_tail_idx on mayfly.memory_vectors
  ((case when not settled then tenant_id end), model, memory_id) where not settled;
-- With ef_construction 64, the default, a search with 300 candidates found 0.990 of the best ten among 110,000.
-- With 128, a search with 60 candidates finds 0.998. Among 100,000 loosely spread vectors, m 16, the default,
-- found 0.986 with any number of candidates, and m 24 found 0.987 to 0.992.
create index memory_vectors_settled_idx on mayfly.memory_vectors
  using hnsw (embedding extensions.halfvec_cosine_ops) with (m = 24, ef_construction = 128) where settled;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.memory_vectors
  alter column model set statistics 0,
  alter column embedding set statistics 0;

comment on table mayfly.memory_vectors is 'Embeddings of memories by model. Vectors of different models are never compared.';
comment on column mayfly.memory_vectors.settled is 'Whether a background job has moved the vector from the fresh tail to the index.';
