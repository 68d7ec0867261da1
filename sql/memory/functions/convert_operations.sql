-- Converts the operations of a push to the form { id, type, subject, body }. Before 0.2 an operation was { id,
-- type, memory, embedding, model }, and outboxes of processes that were away still hold that form; it is
-- accepted until 0.3. For a converted operation, `old` names the part of the old form, so that results and
-- errors use the form in which it was sent. Called by sync. Locks nothing.
--
-- A vector becomes its text, as a cast to halfvec needs it: as an array, its numbers were copied five times, which
-- took 36 ms for 100 vectors, and 10 ms this way, 6 ms of which the cast would otherwise take. Anything else in its
-- place becomes false, which is refused.

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
