-- A predicate or a type in its common form, in which 'Works at', 'works-at' and 'works_at' are the same. Null if
-- nothing is left. Locks nothing.

create function mayfly_private.fact_word(word text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return nullif(btrim(regexp_replace(mayfly_private.entity_key(word), '[\s-]+', '_', 'g'), '_'), '');
end
$$;

comment on function mayfly_private.fact_word is 'A predicate or a type in its common form.';
grant execute on function mayfly_private.fact_word to authenticated, service_role;
