-- The caller that writes under a lease, for the fences. It does not check that an agent is alive, because the lease
-- proves that. A lease never lasts longer than the agent and its ancestors, and ending an agent takes back its leases
-- in the same transaction. So no write has to look up the ancestors. `tenant_id` is the agent's own tenant, or for a
-- person the tenant of the request. For the secret key, `tenant_id` is null, and the tenant comes from the lease. Locks
-- nothing.

create type mayfly_private.job_holder as (
  kind text,
  tenant_id uuid,
  id uuid
);

create function mayfly_private.job_holder()
returns mayfly_private.job_holder
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  if claims ->> 'role' = 'service_role' then
    return row('secret', (mayfly_private.caller()).tenant_id, '00000000-0000-0000-0000-000000000000')::mayfly_private.job_holder;
  elsif claims ->> 'role' = 'authenticated' and claims ->> 'iss' = 'mayfly' and mayfly_private.is_timely(claims)
    and not claims -> 'mayfly' ?| '{enrolment,renewal}'
    and mayfly_private.to_uuid(claims ->> 'sub') is not null then
    return row('agent', mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant'), (claims ->> 'sub')::uuid)::mayfly_private.job_holder;
  end if;
  return row('person', mayfly_private.require_tenant('job:work'), mayfly_private.caller_id())::mayfly_private.job_holder;
end
$$;

comment on function mayfly_private.job_holder is 'Who writes under a lease.';
