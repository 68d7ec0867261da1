-- Who is calling: an agent that is alive, a person, or the secret key; null for everyone else.
-- The one place that reads the token. Called by the policies, once a statement, through
-- mayfly.tenant_ids; as owner, since the policies of mayfly.agents call it. Locks nothing.

create type mayfly_private.caller as (
  kind text,
  id uuid,
  -- For an agent and the secret key; a person's tenants are in mayfly.members.
  tenant_id uuid,
  scopes text[],
  -- The x-mayfly-tenant header as it came. It narrows, never widens.
  chosen text
);

create function mayfly_private.caller()
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  chosen constant text := lower(headers ->> 'x-mayfly-tenant');
  found_caller mayfly_private.caller;
begin
  if claims ->> 'role' = 'service_role' then
    select 'secret', null, t.id, (select array_agg(s.name) from mayfly.scopes s), chosen
    into found_caller
    from mayfly.tenants t
    where t.id = mayfly_private.to_uuid(chosen);
    return case when found then found_caller else row('secret', null, null, '{}', chosen)::mayfly_private.caller end;
  end if;

  if claims ->> 'role' is distinct from 'authenticated'
    or (claims ->> 'nbf')::numeric > extract(epoch from clock_timestamp()) then
    return null;
  end if;

  if claims ->> 'iss' = 'mayfly' then
    select 'agent', a.id, a.tenant_id, a.scopes, chosen
    into found_caller
    from mayfly.agents a
    where a.tenant_id = mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant')
      and a.id = mayfly_private.to_uuid(claims ->> 'sub')
      and a.tenant_id::text = coalesce(chosen, a.tenant_id::text)
      and not exists (
        select from mayfly.agents line
        where line.tenant_id = a.tenant_id
          and line.id = any (a.ancestors || a.id)
          and (line.status <> 'running' or line.expires_at <= clock_timestamp()));
    return case when found then found_caller end;
  end if;

  if claims ? 'mayfly' then
    return null;
  end if;
  return row('person', mayfly_private.to_uuid(claims ->> 'sub'), null, null, chosen)::mayfly_private.caller;
end
$$;

comment on function mayfly_private.caller() is 'Who is calling, by the verified token and the tables.';
revoke execute on function mayfly_private.caller() from public;
