-- Returns the tenant of this request, for a caller that has already been identified. Fails unless the caller has the
-- scope in this tenant. Functions that need several scopes call it, so that they identify the caller only once. Locks
-- nothing.

create function mayfly_private.require_tenant_of(who mayfly_private.caller, scope text)
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenants uuid[];
begin
  -- For an agent, and for the secret key with a tenant, this shortcut gives the same answer as tenant_ids_of.
  if who.kind in ('agent', 'secret') and who.tenant_id is not null and (scope is null or scope = any (who.scopes)) then
    return who.tenant_id;
  end if;
  tenants := case when who.kind = 'machine' then array[who.tenant_id] else mayfly_private.tenant_ids_of(who, null) end;
  if who is null or who.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller is not a living agent, a person, a valid enrolment key or the secret key.',
      'Spawn an agent, or sign in. A stopped or expired agent can no longer do anything.');
  elsif cardinality(tenants) = 0 then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Pass the id of one of your tenants with new Mayfly({ tenant }) or the header x-mayfly-tenant.');
  elsif cardinality(tenants) > 1 then
    perform mayfly_private.fail(400, 'tenant_ambiguous', 'The caller belongs to several tenants.',
      'Choose one by its id, with new Mayfly({ tenant }) or the header x-mayfly-tenant.');
  elsif cardinality(mayfly_private.tenant_ids_of(who, scope)) = 0 then
    perform mayfly_private.fail(403, 'scope_missing',
      case when scope is null then 'An enrolment key can only spawn.' else format('The caller does not have the scope %s.', scope) end,
      'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
      jsonb_build_object('scope', scope));
  end if;
  return tenants[1];
end
$$;

comment on function mayfly_private.require_tenant_of is 'The tenant of this request, for a caller that has been identified. Fails unless the caller has the scope in it.';

-- Returns the tenant of this request. Fails unless the caller has the scope in this tenant. Every function that writes
-- calls it first. Locks nothing.

create function mayfly_private.require_tenant(scope text)
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.require_tenant_of(mayfly_private.caller(), scope);
end
$$;

comment on function mayfly_private.require_tenant is 'The tenant of this request. Fails unless the caller has the scope in it.';
grant execute on function mayfly_private.require_tenant to authenticated, service_role;
