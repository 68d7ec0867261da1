-- The model's name for looking up prices, without the provider prefix of the AI SDK's gateway.

create function mayfly_private.model_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when provider = 'gateway' and strpos(model, '/') > 1 then substr(model, strpos(model, '/') + 1) else model end;
end
$$;

comment on function mayfly_private.model_of is 'The model name with which prices are looked up.';
