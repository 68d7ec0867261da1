-- Refuses invalid facts. The error names the position of the first invalid fact, and the field that is invalid. Called
-- by mayfly_private.record_facts. Locks nothing.

create function mayfly_private.check_facts(facts jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(facts) is distinct from 'array' or jsonb_array_length(facts) not between 1 and 500 then
    perform mayfly_private.refuse_fact('facts', 'a list of 1 to 500 facts');
  end if;
  select q.field, q.rule, g.n - 1 as place into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  cross join lateral (
    select g.f -> 'valid_from' as valid_from, g.f -> 'valid_to' as valid_to, g.f -> 'expires_at' as expires_at) i
  cross join lateral (values
    (1, 'facts', jsonb_typeof(g.f) is distinct from 'object', 'a list of objects'),
    (2, (select k from jsonb_object_keys(case jsonb_typeof(g.f) when 'object' then g.f else '{}' end) k
        where k <> all ('{subject,predicate,object,value,many,confidence,source,memory_id,visibility,valid_from,valid_to,expires_at}'::text[]) limit 1),
      jsonb_typeof(g.f) = 'object' and (g.f - '{subject,predicate,object,value,many,confidence,source,memory_id,visibility,valid_from,valid_to,expires_at}'::text[]) <> '{}',
      'left out, because a fact has no such field'),
    (3, 'subject', not coalesce(mayfly_private.is_entity_ref(g.f -> 'subject'), false), 'the name of an entity, { name, type } or { id }'),
    (4, 'predicate', jsonb_typeof(g.f -> 'predicate') is distinct from 'string'
        or coalesce(char_length(mayfly_private.fact_word(g.f ->> 'predicate')), 0) not between 1 and 100, 'a text of 1 to 100 characters'),
    (5, 'object', (coalesce(jsonb_typeof(g.f -> 'object'), 'null') = 'null') = not (g.f ? 'value'), 'set, unless value is: a fact has exactly one of them'),
    (6, 'object', coalesce(jsonb_typeof(g.f -> 'object'), 'null') <> 'null' and not mayfly_private.is_entity_ref(g.f -> 'object'), 'the name of an entity, { name, type } or { id }'),
    (7, 'value', g.f ? 'value' and not mayfly_private.json_within(g.f -> 'value', 8192, 16), 'at most 8 KB of JSON with at most 16 levels'),
    (8, 'value', g.f ? 'value' and not mayfly_private.numbers_kept(g.f -> 'value'), 'JSON without a number that JavaScript cannot hold'),
    (9, 'many', coalesce(jsonb_typeof(g.f -> 'many'), 'boolean') not in ('boolean', 'null'), 'true or false'),
    (10, 'confidence', not mayfly_private.number_within(g.f -> 'confidence', 0, 1), 'a number from 0 to 1'),
    (11, 'source', not mayfly_private.text_within(g.f -> 'source', 2000), 'a text of at most 2000 characters'),
    (12, 'memory_id', not mayfly_private.uuid_or_absent(g.f -> 'memory_id'), 'the id of a memory'),
    (13, 'visibility', coalesce(g.f ->> 'visibility', 'tenant') not in ('tenant', 'agent'), 'tenant or agent'),
    (14, 'valid_from', not mayfly_private.instant_or_absent(i.valid_from), 'an ISO 8601 instant'),
    (15, 'valid_to', not mayfly_private.instant_or_absent(i.valid_to), 'an ISO 8601 instant'),
    (16, 'expires_at', not mayfly_private.instant_or_absent(i.expires_at), 'an ISO 8601 instant')
  ) as q (n, field, refused, rule)
  where q.refused
  order by g.n, q.n limit 1;
  if found then
    perform mayfly_private.refuse_fact(fault.field, fault.rule, fault.place::integer);
  end if;

  -- This is a separate statement, because in the first one, casting a value that is not an instant would raise an
  -- error.
  select q.field, q.rule, g.n - 1 as place into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  cross join lateral (values
    ('valid_to', (g.f ->> 'valid_to')::timestamptz < coalesce((g.f ->> 'valid_from')::timestamptz, mayfly_private.now()), 'at or after valid_from'),
    ('expires_at', (g.f ->> 'expires_at')::timestamptz <= mayfly_private.now(), 'in the future')
  ) as q (field, refused, rule)
  where q.refused
  order by g.n limit 1;
  if found then
    perform mayfly_private.refuse_fact(fault.field, fault.rule, fault.place::integer);
  end if;
end
$$;

comment on function mayfly_private.check_facts is 'Refuses facts that cannot be recorded.';
