-- Returns the tenant with a name, and creates it if it does not exist. This function is for applications that start
-- repeatedly or in many processes at once. The same caller and owner get the same tenant, even after the tenant was
-- renamed. For another caller, the same name stands for another tenant. A tenant that create_tenant made is adopted if
-- it is the only one with this name. If the caller is the secret key, that tenant must have no members or be owned by
-- `owner`. If the caller is a person, it must be owned by that person. Creating a tenant needs the same right as in
-- create_tenant. Calls for the same name wait for each other.

create function mayfly_private.ensure_tenant(name text, owner uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  by_person constant boolean := coalesce(caller.kind = 'person', false);
  of_owner constant uuid := case when by_person then caller.id else owner end;
  tenant mayfly.tenants;
  found_ids uuid[];
begin
  if name is null or char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  elsif by_person and owner is distinct from null and owner <> caller.id then
    perform mayfly_private.fail(400, 'invalid_request', 'owner is only for the secret key: a person owns the tenants that they ensure.', null, '{"field": "owner"}');
  elsif not by_person and caller.kind is distinct from 'secret' and nullif(current_setting('request.jwt.claims', true), '') is not null then
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person or the secret key can create tenants.', 'Sign in, or use the secret key.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(format('mayfly.ensure_tenant %s %s', of_owner, name), 0));

  select t.* into tenant
  from mayfly_private.ensured_tenants e
  join mayfly.tenants t on t.id = e.tenant_id
  where e.owner is not distinct from of_owner and e.name = ensure_tenant.name
    -- A person who has left the tenant no longer gets it.
    and (of_owner is null or exists (select from mayfly.members m where m.tenant_id = t.id and m.user_id = of_owner));
  if tenant.id is not null then
    return to_jsonb(tenant) || '{"created": false}';
  end if;

  found_ids := array(
    select t.id from mayfly.tenants t
    where t.name = ensure_tenant.name and t.id not in (select e.tenant_id from mayfly_private.ensured_tenants e)
      and case when of_owner is null
        then not exists (select from mayfly.members m where m.tenant_id = t.id)
        else exists (select from mayfly.members m where m.tenant_id = t.id and m.user_id = of_owner and m.role = 'owner') end
    limit 2);
  if cardinality(found_ids) = 1 then
    select * into strict tenant from mayfly.tenants t where t.id = found_ids[1];
  else
    tenant := mayfly_private.create_tenant(name, owner);
  end if;
  insert into mayfly_private.ensured_tenants as e (owner, name, tenant_id) values (of_owner, name, tenant.id)
  on conflict on constraint ensured_tenants_name_key do update set tenant_id = excluded.tenant_id;
  return to_jsonb(tenant) || jsonb_build_object('created', cardinality(found_ids) <> 1);
end
$$;

comment on function mayfly_private.ensure_tenant is 'The tenant with a name, created if there is none.';
grant execute on function mayfly_private.ensure_tenant to authenticated, service_role;

create function mayfly.ensure_tenant(name text, owner uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.ensure_tenant(name, owner);

comment on function mayfly.ensure_tenant is
  'The caller''s tenant with this name, created if there is none: the tenant, and whether it was created. For the secret key, and for people if they may create tenants.';
grant execute on function mayfly.ensure_tenant to authenticated, service_role;
