-- Refuses more living agents than the tenant's quota allows. Before it counts, it reaps dead agents that are still
-- marked as living. The caller holds the lock of open_spawn, which says why parallel spawns cannot exceed the quota.

create function mayfly_private.check_living(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  living integer;
begin
  loop
    living := (select count(*) from mayfly.agents a
      where a.tenant_id = tenant.id and a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now()));
    exit when living + wanted <= tenant.max_living_agents or mayfly_private.reap(tenant.id) = 0;
  end loop;
  if living + wanted > tenant.max_living_agents then
    perform mayfly_private.fail(429, 'agent_quota_exceeded',
      format('The tenant has %s living agents and may have %s.', living, tenant.max_living_agents),
      'Stop agents, wait until some expire, or raise the tenant''s max_living_agents.',
      jsonb_build_object('quota', 'max_living_agents', 'limit', tenant.max_living_agents, 'living', living));
  end if;
end
$$;

comment on function mayfly_private.check_living is 'Refuses more living agents than the tenant may have.';
