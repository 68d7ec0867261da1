-- Stores the worth of a model. Locks the row of the model.

create function mayfly_private.set_model_worth(model text, meaning real, unrelated real, measured jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_variable
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:admin');
  worth record;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif meaning is not null and not (meaning between 0 and 100) then
    perform mayfly_private.fail(400, 'invalid_request', 'meaning must be a number from 0 to 100, or null.', null, '{"field": "meaning"}');
  elsif unrelated is not null and not (unrelated between 0.01 and 0.95) then
    perform mayfly_private.fail(400, 'invalid_request', 'unrelated must be a number from 0.01 to 0.95.', null, '{"field": "unrelated"}');
  elsif measured is not null and not mayfly_private.json_within(measured, 6000, 8) then
    perform mayfly_private.fail(400, 'invalid_request', 'measured must be at most 6 KB of JSON.', null, '{"field": "measured"}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  if meaning is null then
    delete from mayfly.model_worths w where w.tenant_id = tenant and w.model = set_model_worth.model;
  else
    if (select count(*) from mayfly.model_worths w where w.tenant_id = tenant and w.model <> set_model_worth.model) >= 20 then
      perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant can have weights for at most 20 models.', 'Reset one that you no longer use.',
        '{"quota": "model_worths", "limit": 20}');
    end if;
    insert into mayfly.model_worths as w (tenant_id, model, meaning, unrelated, measured, at)
    values (tenant, model, meaning, coalesce(unrelated, (mayfly_private.model_worth(model)).unrelated), coalesce(measured, '{}'), mayfly_private.now())
    on conflict on constraint model_worths_pkey do update
    set meaning = excluded.meaning, unrelated = excluded.unrelated, measured = excluded.measured, at = excluded.at;
  end if;
  select * into worth from mayfly_private.worth_of_model(tenant, model);
  return jsonb_build_object('model', model, 'meaning', worth.meaning, 'unrelated', worth.unrelated, 'measured', meaning is not null);
end
$$;

comment on function mayfly_private.set_model_worth is 'Sets the weight of an embedding model for the tenant.';
grant execute on function mayfly_private.set_model_worth to authenticated, service_role;

-- Sets what an embedding model is worth to the tenant: the weight of its meaning in each recall that sets no
-- weight, and the similarity of unrelated texts. Without `meaning`, the model goes back to its default worth.
-- Scope memory:admin.

create function mayfly.set_model_worth(model text, meaning real default null, unrelated real default null, measured jsonb default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_model_worth(model, meaning, unrelated, measured);

comment on function mayfly.set_model_worth is
  'Sets the weight of an embedding model for the tenant. Without meaning, resets it. Returns { model, meaning, unrelated, measured }.';
grant execute on function mayfly.set_model_worth to authenticated, service_role;
