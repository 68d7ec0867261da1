-- Whether JavaScript reads every number of a JSON value as it was written. Postgres keeps any number, but clients read
-- numbers as doubles. A double cannot be beyond 1.8e308 or nearer to 0 than 5e-324, and beyond 2^53 doubles cannot hold
-- every integer. A number that no double can hold would change silently when a client reads it. An integer that a
-- double can hold, such as 1e300, is allowed. Called by all functions that accept JSON from callers, most of them
-- through check_numbers. Locks nothing.

create function mayfly_private.numbers_kept(value jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if not coalesce(jsonb_path_exists(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
    || (@ != 0 && @ < 5e-324 && @ > -5e-324)))'), false) then
    return true;
  end if;
  return not exists (
    select from jsonb_path_query(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
      || (@ != 0 && @ < 5e-324 && @ > -5e-324)))') as found (number)
    where case when pg_input_is_valid(found.number #>> '{}', 'double precision')
      then (found.number #>> '{}')::double precision::text::numeric <> found.number::numeric else true end);
end
$$;

comment on function mayfly_private.numbers_kept is 'Whether JavaScript reads every number of a JSON value as it was written.';
