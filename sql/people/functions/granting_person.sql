-- Returns the person who calls, in one of their tenants. Only a person can grant scopes, so an agent, the secret key
-- and an OAuth client are refused. Called by the functions about grants.

create function mayfly_private.granting_person()
returns uuid
language plpgsql stable
set search_path = ''
as $$
begin
  if (mayfly_private.caller()).kind is distinct from 'person' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only a person grants scopes to an OAuth client, and takes them back.',
      'Sign in, and call with the token of that session.');
  end if;
  return (mayfly_private.caller()).id;
end
$$;

comment on function mayfly_private.granting_person is 'Returns the calling person. Fails for everyone else.';
