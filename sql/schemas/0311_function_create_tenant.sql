-- Creates a tenant: for the secret key, which may name its owner, and where the project's settings say
-- so for whoever is signed in, who then owns it.

create function mayfly.create_tenant(name text, owner uuid default null)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.create_tenant(name, owner);

comment on function mayfly.create_tenant(text, uuid) is 'Creates a tenant and returns it. For the secret key, and if the project allows it for people.';
revoke execute on function mayfly.create_tenant(text, uuid) from public;
grant execute on function mayfly.create_tenant(text, uuid) to authenticated, service_role;
