-- Why json_fault cannot check values against a JSON Schema: the path of the first keyword that it does not know or
-- cannot use in this form. Null for a schema that it can use. Annotations are allowed. `pattern` and `format` are
-- allowed too, but only the worker checks them, because regular expressions differ between JavaScript and Postgres.

create function mayfly_private.schema_fault(schema jsonb, path text default '$')
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  keyword text;
  said jsonb;
  fault text;
begin
  if schema is null or jsonb_typeof(schema) = 'boolean' then
    return null;
  elsif jsonb_typeof(schema) <> 'object' or length(path) > 1000 then
    return path;
  end if;
  for keyword, said in select * from jsonb_each(schema) loop
    fault := case
      when keyword in ('$schema', '$id', '$comment', 'title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly', 'format', 'pattern', 'const')
        then null
      when keyword = 'type' then case
        when (case jsonb_typeof(said) when 'array' then said else jsonb_build_array(said) end)
          <@ '["null", "boolean", "number", "integer", "string", "array", "object"]' then null else keyword end
      when keyword in ('enum', 'required') then case when jsonb_typeof(said) = 'array' then null else keyword end
      when keyword in ('minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')
        then case when jsonb_typeof(said) = 'number' and not (keyword = 'multipleOf' and (said #>> '{}')::numeric <= 0) then null else keyword end
      when keyword in ('items', 'additionalProperties', 'propertyNames', 'not') then mayfly_private.schema_fault(said, path || '.' || keyword)
      when keyword = 'properties' then case when jsonb_typeof(said) <> 'object' then keyword else (
        select min(f.fault) from jsonb_each(said) p, mayfly_private.schema_fault(p.value, path || '.' || p.key) as f (fault)) end
      when keyword in ('anyOf', 'oneOf', 'allOf', 'prefixItems') then case when jsonb_typeof(said) <> 'array' then keyword else (
        select min(f.fault) from jsonb_array_elements(said) s (one), mayfly_private.schema_fault(s.one, path || '.' || keyword) as f (fault)) end
      else keyword
    end;
    if fault is not null then
      return case when fault like '$.%' then fault else path || '.' || fault end;
    end if;
  end loop;
  return null;
end
$$;

comment on function mayfly_private.schema_fault is 'The path of the first keyword of a JSON Schema that cannot be checked; null if all can be checked.';
