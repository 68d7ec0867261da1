-- Creates a tenant. Concurrent calls of one person wait for each other, so that they cannot exceed the limit together.

create function mayfly_private.create_tenant(name text, owner uuid)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  settings mayfly_private.settings;
  tenant mayfly.tenants;
begin
  select * into strict settings from mayfly_private.settings;
  if name is null or char_length(name) not between 1 and 200 then -- bounds: 200 tenant.name
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}'); -- bounds: 200 tenant.name
  elsif caller.kind = 'person' then
    if settings.tenants_created_by <> 'signed_in' or claims -> 'is_anonymous' = 'true'
      or not exists (select from auth.users u where u.id = caller.id) then
      perform mayfly_private.fail(403, 'tenant_creation_not_allowed', 'This project does not allow this person to create tenants.',
        'Create it with the secret key, or set mayfly_private.settings.tenants_created_by to signed_in.');
    elsif owner is not null and owner <> caller.id then
      perform mayfly_private.fail(400, 'invalid_request', 'Only the secret key can set owner. A person owns the tenants that they create.', null, '{"field": "owner"}');
    end if;
    owner := caller.id;
    perform pg_advisory_xact_lock(hashtextextended('mayfly.create_tenant ' || owner, 0));
    if (select count(*) from mayfly.members m where m.user_id = owner and m.role = 'owner') >= settings.max_tenants_per_person then
      perform mayfly_private.fail(403, 'tenant_quota_exceeded',
        format('A person may own %s tenants here.', settings.max_tenants_per_person),
        'Erase one, hand one over, or ask for a higher max_tenants_per_person.',
        jsonb_build_object('quota', 'max_tenants_per_person', 'limit', settings.max_tenants_per_person));
    end if;
  elsif caller.kind is distinct from 'secret' and claims is not null then
    -- Only the SQL editor can call this function without claims, so such a call is allowed.
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person or the secret key can create tenants.', 'Sign in, or use the secret key.');
  elsif owner is not null and not exists (select from auth.users u where u.id = owner) then
    perform mayfly_private.fail(404, 'user_unknown', 'There is no such user.', null, '{"field": "owner"}');
  end if;

  insert into mayfly.tenants (name) values (create_tenant.name) returning * into tenant;
  insert into mayfly.members (tenant_id, user_id, role) select tenant.id, owner, 'owner' where owner is not null;
  return tenant;
end
$$;

comment on function mayfly_private.create_tenant is 'Creates a tenant.';
grant execute on function mayfly_private.create_tenant to authenticated, service_role;

-- Creates a tenant. The secret key can call it, and may name the owner. If the project's settings allow it, any
-- signed-in person can call it too, and then owns the tenant.

create function mayfly.create_tenant(name text, owner uuid default null)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.create_tenant(name, owner);

comment on function mayfly.create_tenant is 'Creates a tenant and returns it. For the secret key and, if the project allows it, for signed-in people.';
grant execute on function mayfly.create_tenant to authenticated, service_role;
