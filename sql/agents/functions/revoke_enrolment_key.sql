-- Revokes a key. Locks the tenant's row (for no key update), like spawning does, so that no running spawn with this key
-- is missed. Then locks the key's row and, with stop_agents, the rows of the agents that were spawned with it.

create function mayfly_private.revoke_enrolment_key(key_id uuid, stop_agents boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('key:write');
  key mayfly.enrolment_keys;
begin
  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  update mayfly.enrolment_keys k set revoked_at = coalesce(k.revoked_at, mayfly_private.now())
  where k.tenant_id = of_tenant and k.id = key_id
  returning * into key;
  if key.id is null then
    perform mayfly_private.fail(404, 'enrolment_key_unknown', 'There is no such enrolment key.', null, '{"field": "id"}');
  end if;
  if stop_agents then
    update mayfly.agents a
    set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = 'enrolment key revoked'
    where a.tenant_id = of_tenant and a.spawned_by = key.id and a.status in ('running', 'suspended');
  end if;
  return to_jsonb(key);
end
$$;

comment on function mayfly_private.revoke_enrolment_key is 'Revokes an enrolment key.';
grant execute on function mayfly_private.revoke_enrolment_key to authenticated, service_role;

-- Revokes an enrolment key at once (scope key:write). The agents that were spawned with it live on, unless stop_agents
-- is set. Revoking a key again changes nothing.

create function mayfly.revoke_enrolment_key(id uuid, stop_agents boolean default false)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_enrolment_key(id, coalesce(stop_agents, false));

comment on function mayfly.revoke_enrolment_key is 'Revokes an enrolment key, and with stop_agents also stops the agents that were spawned with it. Returns the key.';
grant execute on function mayfly.revoke_enrolment_key to authenticated, service_role;
