-- Names of models with prices. An exact name means the model itself. Any other name in this table is a prefix: a model
-- whose name begins with it is probably a version of the model that has the prices. This is not certain enough for a
-- hard budget.

create table mayfly.model_names (
  provider text collate "C" not null,
  name text collate "C" not null constraint model_names_name_length check (char_length(name) between 1 and 200),
  exact boolean not null,
  model text collate "C" not null,
  constraint model_names_pkey primary key (provider, exact, name)
);

comment on table mayfly.model_names is 'Names of models with prices.';
comment on column mayfly.model_names.exact is 'False if the name is a prefix: a name that begins with it probably means the model.';
