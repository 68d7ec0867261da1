-- Queues memories of a tenant for a vector, and resets their attempts and leases, because earlier claims were for
-- words that have changed. Pushes call it for the memories that they have just written.

create function mayfly_private.enqueue_embeddings(tenant uuid, memories uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
  select tenant, memory from unnest(memories) memory
  order by memory
  on conflict on constraint embedding_queue_pkey do update
  set attempts = 0, due_at = (select mayfly_private.now()), lease = null, error = null, dead_at = null;
end
$$;

comment on function mayfly_private.enqueue_embeddings is 'Queues memories for a vector.';
