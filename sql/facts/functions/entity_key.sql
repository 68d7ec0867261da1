-- The form in which names of entities are compared: NFKC, in lower case, with single spaces and without invisible
-- characters. Null if nothing is left. Locks nothing.

create function mayfly_private.entity_key(name text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return nullif(btrim(regexp_replace(
    translate(lower(normalize(name, NFKC)), U&'\00AD\200B\200C\200D\2060\FEFF', ''), '\s+', ' ', 'g')), '');
end
$$;

comment on function mayfly_private.entity_key is 'The form in which names of entities are compared.';
grant execute on function mayfly_private.entity_key to authenticated, service_role;
