-- Who is calling: a living agent, a person, an OAuth client with a person's grant, a machine with an enrolment key, or
-- the secret key. Null for everyone else. Some tokens are refused here although the Data API and Realtime accept them:
-- tokens of a wrong issuer, tokens without exp, and tokens that are not valid yet. The policies call this function
-- once per statement, through mayfly.tenant_ids. Runs as owner, because the policies of mayfly.agents call it. Locks
-- nothing.

create type mayfly_private.caller as (
  kind text,
  id uuid,
  -- Null for a person, whose tenants are in mayfly.members. Also null for the secret key if the request names no
  -- tenant, and for an OAuth client if no single grant applies.
  tenant_id uuid,
  scopes text[],
  -- The header x-mayfly-tenant, in lower case. It chooses one of the caller's tenants, and never adds one.
  chosen text,
  -- The most scopes that the caller can give to an agent that it spawns. Null for a person, whose role in the tenant
  -- decides.
  grantable text[]
);

create function mayfly_private.caller()
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  chosen constant text := lower(headers ->> 'x-mayfly-tenant');
  found_caller mayfly_private.caller;
begin
  if headers ? 'x-mayfly-functions' then
    perform mayfly_private.check_version(headers ->> 'x-mayfly-functions');
  end if;
  if claims ->> 'role' = 'service_role' then
    select 'secret', null, t.id, known.names, chosen, known.for_agents
    into found_caller
    from mayfly.tenants t,
      (select array_agg(s.name) as names, array_agg(s.name) filter (where s.agents) as for_agents from mayfly.scopes s) known
    where t.id = mayfly_private.to_uuid(chosen);
    return case when found then found_caller else row('secret', null, null, '{}', chosen, '{}')::mayfly_private.caller end;
  end if;

  if claims ->> 'role' is distinct from 'authenticated' or not mayfly_private.is_timely(claims) then
    return null;
  end if;

  if claims ->> 'iss' = 'mayfly' and claims -> 'mayfly' ? 'enrolment' then
    select 'machine', k.id, k.tenant_id, '{agent:spawn}', chosen, k.scopes
    into found_caller
    from mayfly_private.enrolment_secrets s
    join mayfly.enrolment_keys k on k.tenant_id = s.tenant_id and k.id = s.key_id
    where s.hash = mayfly_private.bytes_of_hex(claims -> 'mayfly' ->> 'enrolment')
      and k.revoked_at is null and k.expires_at > instant
      and k.tenant_id::text = coalesce(chosen, k.tenant_id::text);
    return case when found then found_caller end;
  end if;

  if claims ->> 'iss' = 'mayfly' then
    return mayfly_private.living_agent_of_token(claims, chosen);
  end if;

  if claims ? 'mayfly' or mayfly_private.to_uuid(claims ->> 'sub') is null
    or not exists (select from mayfly_private.settings s where claims ->> 'iss' like any (s.person_issuers)) then
    return null;
  end if;
  -- A token with a client_id belongs to an OAuth client, which may do what the person has granted to it. A client with
  -- grants in several tenants has to choose a tenant with the header.
  if claims ? 'client_id' then
    select 'client', g.user_id, g.tenant_id, g.scopes, chosen, '{}'
    into found_caller
    from mayfly_private.client_grants g
    where g.user_id = mayfly_private.to_uuid(claims ->> 'sub') and g.client_id = claims ->> 'client_id'
      and g.tenant_id::text = coalesce(chosen, g.tenant_id::text)
      and (chosen is not null or 1 = (
        select count(*) from mayfly_private.client_grants other
        where other.user_id = g.user_id and other.client_id = g.client_id));
    return case when found then found_caller
      else row('client', mayfly_private.to_uuid(claims ->> 'sub'), null, '{}', chosen, '{}')::mayfly_private.caller end;
  end if;
  return row('person', mayfly_private.to_uuid(claims ->> 'sub'), null, null, chosen, null)::mayfly_private.caller;
end
$$;

comment on function mayfly_private.caller is 'Who is calling, by the verified token and the tables.';
