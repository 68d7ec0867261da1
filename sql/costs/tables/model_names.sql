-- The names by which models with prices are called. An exact name is the model; a prefix is probably one of its
-- versions, which a hard budget does not believe.

create table mayfly.model_names (
  provider text collate "C" not null,
  name text collate "C" not null constraint model_names_name_length check (char_length(name) between 1 and 200),
  exact boolean not null,
  model text collate "C" not null,
  constraint model_names_pkey primary key (provider, exact, name)
);

comment on table mayfly.model_names is 'The names by which models with prices are called.';
comment on column mayfly.model_names.exact is 'False: what begins with this name is probably the model.';
