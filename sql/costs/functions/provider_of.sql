-- The provider with which prices are looked up (see model_of for the model). The AI SDK names a provider like
-- `anthropic.messages`, and the provider is the first part of this name. The AI SDK's gateway writes the provider
-- into the model's name, as in `anthropic/claude-…`.

create function mayfly_private.provider_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when provider = 'gateway' and strpos(model, '/') > 1 then split_part(model, '/', 1) else split_part(provider, '.', 1) end;
end
$$;

comment on function mayfly_private.provider_of is 'The provider with which prices are looked up.';
