-- Finds the caller's tenants. It is a definer, because it reads mayfly.members, whose own policies call it. Locks
-- nothing.

create function mayfly_private.tenant_ids(scope text)
returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind = 'person' then
    return coalesce((
      select array_agg(m.tenant_id)
      from mayfly.members m
      where m.user_id = caller.id
        and m.tenant_id::text = coalesce(caller.chosen, m.tenant_id::text)
        and (tenant_ids.scope is null
          or exists (select from mayfly.scopes s where s.name = tenant_ids.scope and m.role = any (s.roles)))), '{}');
  end if;
  -- A scope that a person granted to an OAuth client counts only while the person still has it.
  if caller.kind = 'client' then
    return coalesce((
      select array_agg(m.tenant_id)
      from mayfly.members m
      where m.tenant_id = caller.tenant_id and m.user_id = caller.id
        and (tenant_ids.scope is null
          or (tenant_ids.scope = any (caller.scopes)
            and exists (select from mayfly.scopes s where s.name = tenant_ids.scope and m.role = any (s.roles))))), '{}');
  end if;
  -- Without a scope, a machine gets no tenant, because it may only spawn.
  if caller.tenant_id is null or (scope is null and caller.kind = 'machine') or not (scope is null or scope = any (caller.scopes)) then
    return '{}';
  end if;
  return array[caller.tenant_id];
end
$$;

comment on function mayfly_private.tenant_ids is 'The tenants in which the caller has a scope.';
grant execute on function mayfly_private.tenant_ids to authenticated, service_role;

-- The tenants in which the caller has a scope or, without a scope, the tenants to which it belongs. Every policy calls
-- it like this, so that it is evaluated once per statement:
--   tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
-- Tenant and scope are checked together, because a person may be owner of one tenant and viewer of another.

create function mayfly.tenant_ids(scope text default null)
returns uuid[]
language sql stable
set search_path = ''
return mayfly_private.tenant_ids(scope);

comment on function mayfly.tenant_ids is 'The tenants in which the caller has the scope. Without a scope, those to which it belongs.';
grant execute on function mayfly.tenant_ids to authenticated, service_role;
