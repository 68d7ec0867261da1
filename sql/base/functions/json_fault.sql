-- Where a JSON value does not match a JSON Schema: the path of the first fault, and what the value there must be. Null
-- if everything matches. No value matches a schema that schema_fault refuses. schema_fault is called only at the root
-- of the value, because one call checks the whole schema. https://json-schema.org/draft/2020-12/json-schema-validation

create function mayfly_private.json_fault(schema jsonb, given jsonb, path text default '$')
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  kind constant text := jsonb_typeof(given);
  number constant numeric := case when kind = 'number' then (given #>> '{}')::numeric end;
  size constant integer := case kind when 'string' then char_length(given #>> '{}') when 'array' then jsonb_array_length(given)
    when 'object' then (select count(*) from jsonb_object_keys(given)) end;
  fault text;
begin
  if schema is null or schema = 'true' then
    return null;
  elsif schema = 'false' or (path = '$' and mayfly_private.schema_fault(schema) is not null) then
    return path || ' is not allowed';
  end if;

  fault := case
    when schema ? 'type' and not exists (
      select from jsonb_array_elements_text(case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end) t
      where t = kind or (t = 'integer' and number = trunc(number))) then 'must be of type ' || (schema ->> 'type')
    when schema ? 'const' and schema -> 'const' <> given then 'must be ' || (schema ->> 'const')
    when schema ? 'enum' and not exists (select from jsonb_array_elements(schema -> 'enum') e where e = given) then 'must be one of ' || (schema ->> 'enum')
    when number < (schema ->> 'minimum')::numeric then 'must be at least ' || (schema ->> 'minimum')
    when number > (schema ->> 'maximum')::numeric then 'must be at most ' || (schema ->> 'maximum')
    when number <= (schema ->> 'exclusiveMinimum')::numeric then 'must be more than ' || (schema ->> 'exclusiveMinimum')
    when number >= (schema ->> 'exclusiveMaximum')::numeric then 'must be less than ' || (schema ->> 'exclusiveMaximum')
    when number % (schema ->> 'multipleOf')::numeric <> 0 then 'must be a multiple of ' || (schema ->> 'multipleOf')
    when kind = 'string' and size < (schema ->> 'minLength')::numeric then 'must have at least ' || (schema ->> 'minLength') || ' characters'
    when kind = 'string' and size > (schema ->> 'maxLength')::numeric then 'must have at most ' || (schema ->> 'maxLength') || ' characters'
    when kind = 'array' and size < (schema ->> 'minItems')::numeric then 'must have at least ' || (schema ->> 'minItems') || ' items'
    when kind = 'array' and size > (schema ->> 'maxItems')::numeric then 'must have at most ' || (schema ->> 'maxItems') || ' items'
    when kind = 'object' and size < (schema ->> 'minProperties')::numeric then 'must have at least ' || (schema ->> 'minProperties') || ' properties'
    when kind = 'object' and size > (schema ->> 'maxProperties')::numeric then 'must have at most ' || (schema ->> 'maxProperties') || ' properties'
    when kind = 'object' and schema ? 'required' and not given ?& array(select jsonb_array_elements_text(schema -> 'required')) then
      'needs ' || (select string_agg(r, ', ') from jsonb_array_elements_text(schema -> 'required') r where not given ? r)
  end;
  if fault is not null then
    return path || ' ' || fault;
  end if;

  if kind = 'object' then
    fault := coalesce(
      (select min(f) from jsonb_each(given) v, mayfly_private.json_fault(schema -> 'properties' -> v.key, v.value, path || '.' || v.key) f
        where schema -> 'properties' ? v.key),
      (select min(f) from jsonb_each(given) v, mayfly_private.json_fault(schema -> 'additionalProperties', v.value, path || '.' || v.key) f
        where schema ? 'additionalProperties' and not coalesce(schema -> 'properties' ? v.key, false)),
      (select min(f) from jsonb_object_keys(given) k, mayfly_private.json_fault(schema -> 'propertyNames', to_jsonb(k), path || '.' || k) f
        where schema ? 'propertyNames'));
  elsif kind = 'array' then
    fault := (
      select min(f) from jsonb_array_elements(given) with ordinality as v (one, n),
        mayfly_private.json_fault(coalesce(schema -> 'prefixItems' -> (v.n - 1)::integer, schema -> 'items', 'true'), v.one, format('%s[%s]', path, v.n - 1)) f);
  end if;
  if fault is not null then
    return fault;
  end if;

  return case
    when schema ? 'allOf' and exists (select from jsonb_array_elements(schema -> 'allOf') s where mayfly_private.json_fault(s, given, path) is not null)
      then (select mayfly_private.json_fault(s, given, path) f from jsonb_array_elements(schema -> 'allOf') s order by f nulls last limit 1)
    when schema ? 'anyOf' and not exists (select from jsonb_array_elements(schema -> 'anyOf') s where mayfly_private.json_fault(s, given, path) is null)
      then path || ' matches none of the alternatives'
    when schema ? 'oneOf' and 1 <> (select count(*) from jsonb_array_elements(schema -> 'oneOf') s where mayfly_private.json_fault(s, given, path) is null)
      then path || ' must match exactly one of the alternatives'
    when schema ? 'not' and mayfly_private.json_fault(schema -> 'not', given, path) is null then path || ' is not allowed'
  end;
end
$$;

comment on function mayfly_private.json_fault is 'Where a JSON value first violates a JSON Schema, and what must be there; null if it matches.';
