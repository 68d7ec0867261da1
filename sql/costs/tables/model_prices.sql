-- Prices of models, which `mayfly prices import` imports and which are the same for all tenants. If imported prices
-- differ from the newest row, the import adds a row, so any old cost can be computed again with the price of its day.
--
-- `prices` is a list of { from?, daily?, units }. An entry applies to a call if its conditions (`from` and `daily`) are
-- true at the time of the call. If several entries apply, the last one sets the price. `units` has a list of steps
-- [above, USD] for each unit. A step applies if the call has more than `above` input tokens. The last step that applies
-- sets the price for the whole call. Prices of tokens are for a million tokens, and prices of `requests` and
-- `web_searches` for a thousand. If `units` is empty, the model is free. Numbers in jsonb are numeric, so nothing is
-- rounded.

create table mayfly.model_prices (
  provider text collate "C" not null constraint model_prices_provider_length check (char_length(provider) between 1 and 100),
  model text collate "C" not null constraint model_prices_model_length check (char_length(model) between 1 and 200),
  since timestamptz not null,
  prices jsonb not null,
  source text not null constraint model_prices_source_length check (char_length(source) between 1 and 200),
  constraint model_prices_pkey primary key (provider, model, since)
);

comment on table mayfly.model_prices is 'Prices of models in US dollars, with the time from which they apply.';
comment on column mayfly.model_prices.prices is '[{ from?, daily?: [from, until], units: { <unit>: [[above, USD]] } }]. If the conditions of several entries are true, the last of them applies.';
comment on column mayfly.model_prices.source is 'Where the prices are from, such as genai-prices 0.1.8.';
