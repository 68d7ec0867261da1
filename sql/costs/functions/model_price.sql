-- Finds the price of a model. It is a definer, because price_of is private. Locks nothing.

create function mayfly_private.model_price(provider text, model text, at timestamptz)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(provider, model),
    mayfly_private.model_of(provider, model), coalesce(at, mayfly_private.now()));
begin
  -- Prices belong to the project, so the secret key needs no tenant to read them.
  if (mayfly_private.caller()).kind is distinct from 'secret' then
    perform mayfly_private.require_tenant(null);
  end if;
  return case when price.units is not null then
    jsonb_build_object('provider', provider, 'model', model, 'of', price.model, 'exact', price.exact, 'units', price.units) end;
end
$$;

comment on function mayfly_private.model_price is 'The price of a model at an instant; null if it is unknown.';
grant execute on function mayfly_private.model_price to authenticated, service_role;

-- The price of a model at an instant, by default now: { provider, model, of, exact, units }. Null if the price is
-- unknown. Everybody in a tenant can read it. Locks nothing.

create function mayfly.model_price(provider text, model text, at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.model_price(provider, model, at);

comment on function mayfly.model_price is 'The price of a model at an instant; null if it is unknown.';
grant execute on function mayfly.model_price to authenticated, service_role;
