-- The tenant of this request, in which the caller must have the scope. Every function that writes calls this first.
-- Locks nothing.

create function mayfly_private.require_tenant(scope text)
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  tenants uuid[];
begin
  -- An agent, or the secret key with a tenant: as tenant_ids would say, which asks who is calling again.
  if caller.kind in ('agent', 'secret') and caller.tenant_id is not null and (scope is null or scope = any (caller.scopes)) then
    return caller.tenant_id;
  end if;
  tenants := case when caller.kind = 'machine' then array[caller.tenant_id] else mayfly_private.tenant_ids(null) end;
  if caller is null or caller.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller is not a living agent, a person, a valid enrolment key or the secret key.',
      'Spawn an agent, or sign in. A stopped or expired agent can do nothing more.');
  elsif cardinality(tenants) = 0 then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Pass the id of one of your tenants with new Mayfly({ tenant }) or the header x-mayfly-tenant.');
  elsif cardinality(tenants) > 1 then
    perform mayfly_private.fail(400, 'tenant_ambiguous', 'The caller belongs to several tenants.',
      'Choose one by its id, with new Mayfly({ tenant }) or the header x-mayfly-tenant.');
  elsif cardinality(mayfly_private.tenant_ids(scope)) = 0 then
    perform mayfly_private.fail(403, 'scope_missing',
      case when scope is null then 'An enrolment key can only spawn.' else format('The caller does not have the scope %s.', scope) end,
      'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
      jsonb_build_object('scope', scope));
  end if;
  return tenants[1];
end
$$;

comment on function mayfly_private.require_tenant is 'The tenant of this request; fails unless the caller has the scope in it.';
grant execute on function mayfly_private.require_tenant to authenticated, service_role;
