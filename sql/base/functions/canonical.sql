-- A JSON value in a form that is the same for all equal values. jsonb already sorts keys, and this function removes
-- trailing zeros of numbers.

create function mayfly_private.canonical(given jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case jsonb_typeof(given)
    when 'number' then to_jsonb(trim_scale((given #>> '{}')::numeric))
    when 'object' then (select coalesce(jsonb_object_agg(e.key, mayfly_private.canonical(e.value)), '{}') from jsonb_each(given) e)
    when 'array' then (select coalesce(jsonb_agg(mayfly_private.canonical(e.one) order by e.n), '[]') from jsonb_array_elements(given) with ordinality as e (one, n))
    else given
  end;
end
$$;

comment on function mayfly_private.canonical is 'A JSON value in a form that is the same for all equal values.';
