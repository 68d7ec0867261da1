-- Whether a JSON value is a list of prices in the form of mayfly.model_prices.

create function mayfly_private.is_price(given jsonb)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(given) = 'array' and jsonb_array_length(given) between 1 and 20 and octet_length(given::text) <= 20000, false)
    and not exists (
      select from jsonb_array_elements(given) e
      where jsonb_typeof(e -> 'units') is distinct from 'object'
        or (e ? 'from' and not coalesce(pg_input_is_valid(e ->> 'from', 'timestamptz'), false))
        or (e ? 'daily' and not coalesce(jsonb_typeof(e -> 'daily') = 'array' and jsonb_array_length(e -> 'daily') = 2
          and pg_input_is_valid(e -> 'daily' ->> 0, 'time') and pg_input_is_valid(e -> 'daily' ->> 1, 'time'), false))
        or case when jsonb_typeof(e -> 'units') = 'object' then exists (
          select from jsonb_each(e -> 'units') u
          where jsonb_typeof(u.value) <> 'array' or case when jsonb_typeof(u.value) = 'array' then jsonb_array_length(u.value) = 0 or exists (
            select from jsonb_array_elements(u.value) s
            where jsonb_typeof(s) <> 'array' or case when jsonb_typeof(s) = 'array' then jsonb_array_length(s) <> 2
              or coalesce(jsonb_typeof(s -> 0) <> 'number' or jsonb_typeof(s -> 1) <> 'number', true)
              or not mayfly_private.number_within(s -> 0, 0, 1e12) or not mayfly_private.number_within(s -> 1, 0, 1e9) end) end) end);
end
$$;

comment on function mayfly_private.is_price is 'Whether a JSON value is a list of prices.';
