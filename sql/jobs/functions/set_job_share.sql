-- Stores the tenant's share. Locks the tenant's row in job_tenants.

create function mayfly_private.set_job_share(weight integer, max_running integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
begin
  if weight is null or weight not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'weight must be a whole number from 1 to 100.', null, '{"field": "weight"}');
  elsif max_running not between 1 and 1000000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_running must be a whole number from 1 to 1000000.', null, '{"field": "max_running"}');
  end if;
  insert into mayfly_private.job_tenants as t (tenant_id, weight, max_running) values (tenant, set_job_share.weight, set_job_share.max_running)
  on conflict on constraint job_tenants_pkey do update set weight = excluded.weight, max_running = excluded.max_running;
  return jsonb_build_object('weight', weight, 'max_running', max_running);
end
$$;

comment on function mayfly_private.set_job_share is 'Sets a tenant''s share of a fleet that works for all tenants.';
grant execute on function mayfly_private.set_job_share to service_role;

-- Sets the tenant's share of a fleet that works for all tenants (claim_any_jobs): its weight, and how many of its
-- jobs may run at once, so that long jobs leave room for others. For the secret key, which names the tenant.

create function mayfly.set_job_share(weight integer default 1, max_running integer default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_job_share(weight, max_running);
end
$$;

comment on function mayfly.set_job_share is 'Sets the tenant''s share of a fleet that works for all tenants: { weight, max_running }.';
grant execute on function mayfly.set_job_share to service_role;
