-- What is wrong with the attributes of a job: { name?, rule }, or null if nothing is. `name` is the first invalid
-- attribute in the order of names. A value of null is valid: it says that there is no such attribute. Called by
-- check_jobs and check_attributes. Locks nothing.

create function mayfly_private.attributes_fault(attributes jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  name text;
begin
  if coalesce(jsonb_typeof(attributes), 'null') = 'null' then
    return null;
  elsif jsonb_typeof(attributes) <> 'object' or (select count(*) from jsonb_object_keys(jsonb_strip_nulls(attributes))) > 16 then -- bounds: 16 attribute.names
    return '{"rule": "must be an object with at most 16 attributes, such as {\"customer\": \"acme\"}"}'; -- bounds: 16 attribute.names
  end if;
  select e.key into name from jsonb_each(attributes) e
  where e.key !~ '^[A-Za-z_][A-Za-z0-9_.-]{0,63}$' -- bounds: 63 attribute.name - 1
    or not case jsonb_typeof(e.value)
      when 'string' then octet_length(e.value #>> '{}') between 1 and 256 -- bounds: 256 attribute.value
      when 'number' then mayfly_private.numbers_kept(e.value)
      else jsonb_typeof(e.value) in ('boolean', 'null') end
  order by e.key collate "C" limit 1;
  if not found then
    return null;
  end if;
  name := left(name, 64); -- bounds: 64 attribute.name
  return jsonb_build_object('name', name, 'rule', format('has %s, which does not fit: %s, and %s', to_json(name),
    'the name of an attribute must be 1 to 64 letters, digits, dots, dashes or underscores, with a letter or an underscore first', -- bounds: 64 attribute.name
    'its value must be a text of 1 to 256 bytes, a number that JavaScript can hold, true or false')); -- bounds: 256 attribute.value
end
$$;

comment on function mayfly_private.attributes_fault is 'What is wrong with the attributes of a job, or null.';
