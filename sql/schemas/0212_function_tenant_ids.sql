-- The tenants in which the caller has a scope (any, without one): what every policy asks, as
--   tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
-- so that it is evaluated once a statement. One answer for tenant and scope together: a person may
-- be owner of one tenant and viewer of another.

create function mayfly.tenant_ids(scope text default null)
returns uuid[]
language sql stable
set search_path = ''
return mayfly_private.tenant_ids(scope);

comment on function mayfly.tenant_ids(text) is 'The tenants in which the caller has the scope; without one, those it belongs to.';
revoke execute on function mayfly.tenant_ids(text) from public;
grant execute on function mayfly.tenant_ids(text) to authenticated, service_role;
