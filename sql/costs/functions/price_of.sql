-- The price of a model at an instant: whether it is `exact`, and the units that apply. Null if the price is unknown.
-- The price is exact if `model` is the model's own name, another exact name of the model, or one of these with a date
-- at its end (a dated snapshot). Otherwise, the price is that of the longest name that is a prefix of `model`. Locks
-- nothing.

create type mayfly_private.known_price as (
  exact boolean,
  model text,
  units jsonb
);

create function mayfly_private.price_of(provider text, model text, at timestamptz)
returns mayfly_private.known_price
language plpgsql stable security definer
set search_path = ''
as $$
declare
  undated constant text := regexp_replace(model, '[-@](\d{8}|\d{4}-\d{2}-\d{2})$', '');
  price mayfly_private.known_price;
  entries jsonb;
begin
  select p.model into price.model from mayfly.model_prices p
  where p.provider = price_of.provider and p.model in (price_of.model, undated)
  order by p.model = price_of.model desc limit 1;
  if not found then
    select n.model into price.model from mayfly.model_names n
    where n.provider = price_of.provider and n.exact and n.name in (price_of.model, undated)
    order by n.name = price_of.model desc limit 1;
  end if;
  price.exact := found;
  if not found then
    select n.model into price.model from mayfly.model_names n
    where n.provider = price_of.provider and not n.exact and starts_with(price_of.model, n.name)
    order by char_length(n.name) desc limit 1;
    if not found then
      return null;
    end if;
  end if;
  -- For an instant before the first import, the prices of the first import are the best estimate.
  select p.prices into entries from mayfly.model_prices p
  where p.provider = price_of.provider and p.model = price.model
  order by p.since <= at desc, case when p.since <= at then p.since end desc, p.since
  limit 1;
  select e.entry -> 'units' into price.units
  from jsonb_array_elements(entries) with ordinality as e (entry, n)
  where coalesce((e.entry ->> 'from')::timestamptz <= at, true)
    and case
      when not e.entry ? 'daily' then true
      when (e.entry -> 'daily' ->> 0)::time <= (e.entry -> 'daily' ->> 1)::time
        then (at at time zone 'UTC')::time between (e.entry -> 'daily' ->> 0)::time and (e.entry -> 'daily' ->> 1)::time
      else (at at time zone 'UTC')::time >= (e.entry -> 'daily' ->> 0)::time or (at at time zone 'UTC')::time <= (e.entry -> 'daily' ->> 1)::time
    end
  order by e.n desc limit 1;
  return case when price.units is not null then price end;
end
$$;

comment on function mayfly_private.price_of is 'The price of a model at an instant.';
