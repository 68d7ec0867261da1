-- Prices of models, imported by `mayfly prices import` and the same for all tenants. An import whose prices differ
-- from the newest row adds a row, so any old cost can be computed again with the price of its day.
--
-- `prices` is a list of { from?, daily?, units }; the last one whose conditions hold at the time of a call counts.
-- `units` has for each unit the steps [above, USD]: the last step with fewer input tokens than the call prices all
-- of them. Token units are priced by the million, `requests` and `web_searches` by the thousand. Empty `units` are
-- free. Numbers in jsonb are numeric, so nothing is rounded.

create table mayfly.model_prices (
  provider text collate "C" not null constraint model_prices_provider_length check (char_length(provider) between 1 and 100),
  model text collate "C" not null constraint model_prices_model_length check (char_length(model) between 1 and 200),
  since timestamptz not null,
  prices jsonb not null,
  source text not null constraint model_prices_source_length check (char_length(source) between 1 and 200),
  constraint model_prices_pkey primary key (provider, model, since)
);

comment on table mayfly.model_prices is 'Prices of models in US dollars, with the time from which they apply.';
comment on column mayfly.model_prices.prices is '[{ from?, daily?: [from, until], units: { <unit>: [[above, USD]] } }]. The last one whose conditions hold counts.';
comment on column mayfly.model_prices.source is 'Where the prices are from, such as genai-prices 0.1.8.';
