-- Creates a tenant. For the secret key alone.

create function mayfly.create_tenant(name text)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.create_tenant(name);

comment on function mayfly.create_tenant(text) is 'Creates a tenant and returns it. For the secret key alone.';
revoke execute on function mayfly.create_tenant(text) from public;
grant execute on function mayfly.create_tenant(text) to service_role;
