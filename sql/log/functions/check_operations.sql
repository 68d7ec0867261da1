-- Refuses a push that has too many operations, is too large, or has an operation with an invalid id, type, subject or
-- body. The error names the index and the field of the first fault. The content of a body is checked by its room. A
-- first pass accepts operations that are certainly valid, and only the others are checked in full. Called by
-- mayfly_private.push. Locks nothing.

create function mayfly_private.check_operations(push jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  known constant text[] := array(select t.type from mayfly_private.operation_types t order by 1);
  fault record;
begin
  if jsonb_typeof(push) is distinct from 'array' then
    perform mayfly_private.fail(400, 'invalid_request', 'push must be an array of operations.', null, '{"field": "push"}');
  elsif jsonb_array_length(push) > 1000 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 1000 operations.', 'Split it.', '{"field": "push"}');
  elsif pg_column_size(push) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 4 MB.', 'Split it.', '{"field": "push"}');
  end if;

  if exists (
    select from jsonb_array_elements(push) op
    where (op ->> 'id' like '________-____-____-____-____________' and pg_input_is_valid(op ->> 'id', 'uuid')
      and op ->> 'subject' like '________-____-____-____-____________' and pg_input_is_valid(op ->> 'subject', 'uuid')
      and op ->> 'type' = any (known)
      and coalesce(jsonb_typeof(op -> 'body'), 'object') = 'object') is not true
  ) then
    select o.n - 1 as index, mayfly_private.given_field(o.op, c.field) as field, c.rule into fault
    from jsonb_array_elements(push) with ordinality as o (op, n),
      lateral (values
        ('id', jsonb_typeof(o.op) = 'object' and mayfly_private.to_uuid(o.op ->> 'id') is not null, 'must be a uuid'),
        ('type', o.op ->> 'type' = any (known), format('must be %s or %s',
          array_to_string(known[:cardinality(known) - 1], ', '), known[cardinality(known)])),
        ('body', coalesce(jsonb_typeof(o.op -> 'body'), 'object') = 'object', 'must be an object'),
        ('subject', mayfly_private.to_uuid(o.op ->> 'subject') is not null, 'must be a uuid')
      ) as c (field, holds, rule)
    where c.holds is not true
    order by o.n
    limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
        'Nothing of this push was applied. Correct it, or leave the operation out.',
        jsonb_build_object('index', fault.index, 'field', fault.field));
    end if;
  end if;

  select o.n - 1 as index into fault
  from (
    select e.n, row_number() over (partition by (e.op ->> 'id')::uuid order by e.n) as nth
    from jsonb_array_elements(push) with ordinality as e (op, n)
  ) o
  where o.nth > 1
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].id appears twice in this push.', fault.index),
      'Nothing of this push was applied. Give each operation its own id.',
      jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
end
$$;

comment on function mayfly_private.check_operations is 'Refuses a push with invalid operations, with the index and the field.';
