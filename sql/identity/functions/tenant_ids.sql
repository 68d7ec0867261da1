-- The tenants of a caller that has already been identified, as tenant_ids returns them. Locks nothing.

create function mayfly_private.tenant_ids_of(who mayfly_private.caller, scope text)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
begin
  if who.kind = 'person' then
    return coalesce((
      select array_agg(m.tenant_id)
      from mayfly.members m
      where m.user_id = who.id
        and m.tenant_id::text = coalesce(who.chosen, m.tenant_id::text)
        and (tenant_ids_of.scope is null
          or exists (select from mayfly.scopes s where s.name = tenant_ids_of.scope and m.role = any (s.roles)))), '{}');
  end if;
  -- A scope that a person granted to an OAuth client counts only while the person still has it.
  if who.kind = 'client' then
    return coalesce((
      select array_agg(m.tenant_id)
      from mayfly.members m
      where m.tenant_id = who.tenant_id and m.user_id = who.id
        and (tenant_ids_of.scope is null
          or (tenant_ids_of.scope = any (who.scopes)
            and exists (select from mayfly.scopes s where s.name = tenant_ids_of.scope and m.role = any (s.roles))))), '{}');
  end if;
  -- Without a scope, a machine gets no tenant, because it may only spawn.
  if who.tenant_id is null or (scope is null and who.kind = 'machine') or not (scope is null or scope = any (who.scopes)) then
    return '{}';
  end if;
  return array[who.tenant_id];
end
$$;

comment on function mayfly_private.tenant_ids_of is 'The tenants in which a caller that has been identified has a scope.';

-- Finds the caller's tenants. It is a definer, because it reads mayfly.members, whose own policies call it. Locks
-- nothing.

create function mayfly_private.tenant_ids(scope text)
returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.tenant_ids_of(mayfly_private.caller(), scope);
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
