-- The definer half of mayfly.create_tenant.

create function mayfly_private.create_tenant(name text)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant mayfly.tenants;
begin
  if name is null or char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  end if;
  insert into mayfly.tenants (name) values (create_tenant.name) returning * into tenant;
  return tenant;
end
$$;

comment on function mayfly_private.create_tenant(text) is 'Creates a tenant.';
revoke execute on function mayfly_private.create_tenant(text) from public;
grant execute on function mayfly_private.create_tenant(text) to service_role;
