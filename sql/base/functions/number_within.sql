-- Whether a JSON value is absent, or a number within bounds (with `whole`, a whole number).

create function mayfly_private.number_within(value jsonb, low numeric, high numeric, whole boolean default false)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case coalesce(jsonb_typeof(value), 'null')
    when 'null' then true
    when 'number' then (value #>> '{}')::numeric between low and high
      and (not whole or (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric))
    else false
  end;
end
$$;

comment on function mayfly_private.number_within is 'Whether a JSON value is a number within bounds, or absent.';
