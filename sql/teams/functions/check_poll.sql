-- Refuses an invalid poll, and names the first invalid field. Locks nothing.

create function mayfly_private.check_poll(
  question text, options text[], rule text, voters jsonb, team uuid, quorum integer, seconds double precision, key text
)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  select c.field, c.rule into fault
  from (values
    ('question', coalesce(char_length(question), 0) between 1 and 2000, 'must be a text of 1 to 2000 characters'),
    ('options', coalesce(cardinality(options), 0) between 2 and 50
      and not exists (select from unnest(options) o where o is null or char_length(o) not between 1 and 500)
      and (select count(distinct o) = cardinality(options) from unnest(options) o), 'must be 2 to 50 different texts of 1 to 500 characters'),
    ('rule', coalesce(rule in ('majority', 'unanimous', 'weighted', 'first_valid'), false), 'must be majority, unanimous, weighted or first_valid'),
    ('voters', voters is null or team is null, 'cannot be combined with team'),
    ('voters', case when voters is null then true when jsonb_typeof(voters) <> 'array' then false
      else jsonb_array_length(voters) between 1 and 1000 and not exists (
        select from jsonb_array_elements(voters) v
        where not coalesce(case jsonb_typeof(v)
          when 'string' then mayfly_private.to_uuid(v #>> '{}') is not null
          when 'object' then rule = 'weighted' and mayfly_private.to_uuid(v ->> 'id') is not null
            and mayfly_private.number_within(v -> 'weight', 0.000001, 1000000)
          else false end, false)) end, 'must be 1 to 1000 ids, or { id, weight } under the rule weighted'),
    ('quorum', coalesce(quorum between 1 and 10000, true), 'must be a whole number from 1 to 10000'),
    ('seconds', coalesce(seconds between 1 and 2592000, false), 'must be a number from 1 to 2592000'),
    ('key', coalesce(char_length(key) between 1 and 500, true), 'must be a text of 1 to 500 characters')
  ) as c (field, holds, rule)
  where c.holds is not true
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_poll is 'Refuses an invalid poll.';
