-- Adds the prices that have changed. Takes an advisory lock, so imports run one after the other.

create function mayfly_private.import_prices(prices jsonb, source text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  fault record;
  added integer;
  named integer;
begin
  if jsonb_typeof(prices) is distinct from 'array' or jsonb_array_length(prices) not between 1 and 5000 then
    perform mayfly_private.fail(400, 'invalid_request', 'prices must be an array of 1 to 5000 { provider, model, prices, names? }.', null, '{"field": "prices"}');
  elsif source is null or char_length(source) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'source must be a text of 1 to 200 characters.', null, '{"field": "source"}');
  end if;
  select o.n - 1 as index, f.field into fault
  from jsonb_array_elements(import_prices.prices) with ordinality as o (p, n), lateral (
    select case
      when coalesce(char_length(o.p ->> 'provider') not between 1 and 100, true) then 'provider'
      when coalesce(char_length(o.p ->> 'model') not between 1 and 200, true) then 'model'
      when not mayfly_private.is_price(o.p -> 'prices') then 'prices'
      when coalesce(jsonb_typeof(o.p -> 'names'), 'array') <> 'array' or exists (
        select from jsonb_array_elements(case when jsonb_typeof(o.p -> 'names') = 'array' then o.p -> 'names' else '[]' end) e
        where coalesce(char_length(e ->> 'name') not between 1 and 200, true) or jsonb_typeof(e -> 'exact') is distinct from 'boolean') then 'names'
    end as field) f
  where f.field is not null order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('prices[%s].%s is not a valid %s of a model.', fault.index, fault.field, fault.field),
      'Nothing was imported. See docs/costs.md for the format.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  perform pg_advisory_xact_lock(hashtextextended('mayfly.import_prices', 0));
  with given as (
    select distinct on (g.provider, g.model) g.* from jsonb_to_recordset(import_prices.prices) as g (provider text, model text, prices jsonb)
  ), fresh as (
    insert into mayfly.model_prices (provider, model, since, prices, source)
    select g.provider, g.model, ts, g.prices, import_prices.source
    from given g
    where g.prices is distinct from (
      select p.prices from mayfly.model_prices p where p.provider = g.provider and p.model = g.model order by p.since desc limit 1)
    returning 1
  )
  select count(*) into added from fresh;
  with given as (
    select distinct on (g.provider, (n.e ->> 'exact')::boolean, n.e ->> 'name')
      g.provider, n.e ->> 'name' as name, (n.e ->> 'exact')::boolean as exact, g.model
    from jsonb_to_recordset(import_prices.prices) as g (provider text, model text, names jsonb), jsonb_array_elements(coalesce(g.names, '[]')) n (e)
  ), written as (
    insert into mayfly.model_names as m (provider, name, exact, model)
    select g.provider, g.name, g.exact, g.model from given g
    on conflict on constraint model_names_pkey do update set model = excluded.model
    where m.model <> excluded.model
    returning 1
  )
  select count(*) into named from written;
  return jsonb_build_object('models', jsonb_array_length(prices), 'changed', added, 'names', named);
end
$$;

comment on function mayfly_private.import_prices is 'Imports prices of models.';
grant execute on function mayfly_private.import_prices to service_role;

-- Imports prices: rows { provider, model, prices, names?: [{ name, exact }] }, as `mayfly prices import` makes them.
-- For a model whose prices have changed, this adds a row that is valid from now on. For any other model, it adds
-- nothing. Only the secret key can call it, because prices are the same for all tenants. Imports run one after the
-- other.

create function mayfly.import_prices(prices jsonb, source text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.import_prices(prices, source);

comment on function mayfly.import_prices is 'Imports prices of models: { models, changed, names }. For the secret key.';
grant execute on function mayfly.import_prices to service_role;
