-- The provider and the model by which prices are found. The AI SDK says `anthropic.messages`: the first part is the
-- provider. Its gateway says `anthropic/claude-…`: the model names the provider.

create function mayfly_private.provider_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when provider = 'gateway' and strpos(model, '/') > 1 then split_part(model, '/', 1) else split_part(provider, '.', 1) end;
end
$$;

comment on function mayfly_private.provider_of is 'The provider by which prices are found.';
