-- Converts the operations of a push to the form { id, type, subject, body }. Before 0.2, an operation was { id, type,
-- memory, embedding, model }. Outboxes of processes that were offline may still hold this form, so it is accepted until
-- 0.3. A converted operation also has the field `old`, the name of the part that held its content in the old form
-- (`memory`). So results and errors can use the form in which the operation was sent. Called by sync. Locks nothing.
--
-- A vector becomes a text, which is the form that a cast to halfvec needs. For 100 vectors, this takes 10 ms. Of these,
-- 6 ms are for a cast that would be needed anyway. When vectors stayed arrays, their numbers were copied five times,
-- which took 36 ms. Anything else in the place of a vector becomes false, which is refused.

create function mayfly_private.convert_operations(push jsonb)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(push) is distinct from 'array' or not exists (
    select from jsonb_array_elements(push) op where op ? 'memory' or op ? 'old' or not (op ? 'subject' or op ? 'body')) then
    return push;
  end if;
  return (
    select jsonb_agg(case
        when jsonb_typeof(o.op) <> 'object' then o.op
        when o.op ? 'subject' or o.op ? 'body' then o.op - 'old'
        else (o.op - '{memory,embedding,model}'::text[]) || jsonb_build_object('old', 'memory', 'subject', o.op #> '{memory,id}',
          'body', case when jsonb_typeof(o.op -> 'memory') = 'object'
            then (o.op -> 'memory') - '{id,embedding,model}'::text[]
              || case when o.op ? 'embedding' then jsonb_build_object('embedding', case jsonb_typeof(o.op -> 'embedding')
                when 'array' then to_jsonb(o.op ->> 'embedding') when 'null' then 'null' else 'false' end) else '{}' end
              || case when o.op ? 'model' then jsonb_build_object('model', o.op -> 'model') else '{}' end
            else 'null' end)
      end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n));
end
$$;

comment on function mayfly_private.convert_operations is 'Converts the operations of a push to the current form.';
grant execute on function mayfly_private.convert_operations to authenticated, service_role;
