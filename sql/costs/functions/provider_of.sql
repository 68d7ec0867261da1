-- The provider and the model with which prices are looked up. In the AI SDK's `anthropic.messages`, the provider is the
-- first part. In `anthropic/claude-…`, as its gateway writes models, the model's name contains the provider.

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
