-- The worth of an embedding model to a tenant, for a recall that does not set it. It was measured on the tenant's
-- own memories, or else it is the default for the model's name. Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.worth_of_model(tenant uuid, model text, out meaning real, out unrelated real)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  select w.meaning, w.unrelated into meaning, unrelated
  from mayfly.model_worths w where w.tenant_id = worth_of_model.tenant and w.model = worth_of_model.model;
  if not found then
    select d.meaning, d.unrelated into meaning, unrelated from mayfly_private.model_worth(worth_of_model.model) d;
  end if;
end
$$;

comment on function mayfly_private.worth_of_model is 'The weight of an embedding model for a tenant.';
