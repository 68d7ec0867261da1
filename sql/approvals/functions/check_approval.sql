-- Refuses an invalid request for an approval, and names the first invalid field. Locks nothing.

create function mayfly_private.check_approval(
  title text, input jsonb, category text, confidence double precision, quorum integer, roles text[], deciders uuid[],
  expires_in double precision, input_schema jsonb, step text
)
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  fault record;
  of_schema constant text := mayfly_private.schema_fault(input_schema);
  of_input constant text := case when of_schema is null and pg_column_size(input_schema) <= 32768 and octet_length(input::text) <= 262144
    then mayfly_private.json_fault(input_schema, input) end;
begin
  select q.field, q.rule into fault
  from (values
    ('title', coalesce(char_length(title) not between 1 and 500, true), 'a text of 1 to 500 characters'),
    ('input', not mayfly_private.json_within(input, 262144, 32), 'at most 256 KB of JSON with at most 32 levels'),
    ('category', coalesce(category !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', true), '1 to 100 letters, digits, dots, colons, dashes or underscores'),
    ('confidence', confidence is not null and not (confidence between 0 and 1), 'from 0 to 1'),
    ('quorum', quorum not between 1 and 20, 'a whole number from 1 to 20'),
    ('roles', not roles <@ '{agent,member,admin,owner}', 'one or more of agent, member, admin and owner'),
    ('deciders', cardinality(deciders) not between 1 and 100, '1 to 100 ids of people or agents'),
    ('quorum', quorum > cardinality(deciders), 'at most the number of deciders'),
    ('expires_in', expires_in is not null and not (expires_in between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('input_schema', pg_column_size(input_schema) > 32768, 'at most 32 KB'),
    ('input_schema', of_schema is not null,
      'a JSON Schema of the keywords in docs/approvals.md, which is not true of ' || of_schema),
    ('input', of_input is not null, 'valid for input_schema: ' || of_input),
    ('step', step is not null and char_length(step) not between 1 and 200, 'a text of 1 to 200 characters')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), 'Nothing was asked.', jsonb_build_object('field', fault.field));
  end if;
  perform mayfly_private.check_numbers(input, 'input');
end
$$;

comment on function mayfly_private.check_approval is 'Refuses an invalid request for an approval.';
