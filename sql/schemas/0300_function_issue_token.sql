-- What the spawn function signs for an agent, with a new renewal secret: the secret is returned once
-- and kept hashed. Called by spawn and renewal, as owner. Two random uuids: 244 bits.

create function mayfly_private.issue_token(tenant uuid, agent uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  secret constant text := 'mfr_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  issued_at constant bigint := floor(extract(epoch from clock_timestamp()));
  found_agent mayfly.agents;
  token_lifetime interval;
begin
  select * into strict found_agent from mayfly.agents a where a.tenant_id = tenant and a.id = agent;
  select t.token_lifetime into strict token_lifetime from mayfly.tenants t where t.id = tenant;

  insert into mayfly_private.renewal_secrets (hash, tenant_id, agent_id)
  values (sha256(convert_to(secret, 'UTF8')), tenant, agent);

  return jsonb_build_object(
    'agent', to_jsonb(found_agent),
    'renewal_secret', secret,
    'claims', jsonb_build_object(
      'iss', 'mayfly',
      'aud', 'authenticated',
      'role', 'authenticated',
      'sub', agent,
      'jti', gen_random_uuid(),
      'iat', issued_at,
      -- Never past the agent; whole seconds, cut.
      'exp', least(
        issued_at + extract(epoch from token_lifetime)::bigint,
        floor(extract(epoch from found_agent.expires_at))::bigint),
      'mayfly', jsonb_build_object(
        'v', 1,
        'tenant', tenant,
        'scopes', to_jsonb(found_agent.scopes),
        'parent', found_agent.parent_id)));
end
$$;

comment on function mayfly_private.issue_token(uuid, uuid) is 'The claims of an agent''s next token, and the secret that renews it.';
revoke execute on function mayfly_private.issue_token(uuid, uuid) from public;
