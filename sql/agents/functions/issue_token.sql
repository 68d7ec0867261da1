-- The claims that the spawn function signs for an agent. Also returns a new renewal secret, of which only the hash is
-- stored, and the agent's type in the version with which the agent was spawned. Called by spawning, renewing
-- (renew_agent) and resuming, as owner. `token_lifetime` of the tenant says how long a token is valid.

create function mayfly_private.issue_token(tenant uuid, agent uuid, round integer default 1)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  secret constant text := mayfly_private.new_secret('mfr_');
  issued_at constant bigint := floor(extract(epoch from clock_timestamp()));
  found_agent mayfly.agents;
  token_lifetime interval;
begin
  select * into strict found_agent from mayfly.agents a where a.tenant_id = tenant and a.id = agent;
  select t.token_lifetime into strict token_lifetime from mayfly.tenants t where t.id = tenant;

  insert into mayfly_private.renewal_secrets (hash, tenant_id, agent_id, round)
  values (mayfly_private.hash_secret(secret), tenant, agent, issue_token.round);

  return jsonb_build_object(
    'agent', to_jsonb(found_agent),
    'type', (
      select to_jsonb(d) - 'tenant_id' - 'created_by' from mayfly.agent_types d
      where d.tenant_id = tenant and d.name = found_agent.type and d.version = found_agent.type_version),
    'renewal_secret', secret,
    'watched', mayfly_private.is_watched(tenant, agent),
    'claims', jsonb_build_object(
      'iss', 'mayfly',
      'aud', 'authenticated',
      'role', 'authenticated',
      'sub', agent,
      'jti', gen_random_uuid(),
      'iat', issued_at,
      -- exp has whole seconds, rounded down, so that the token never outlives the agent.
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

comment on function mayfly_private.issue_token is 'The claims of an agent''s next token, and the secret that renews it.';
