-- The first step of each spawn. Returns who spawns, in which tenant, and which scopes the new agents can get. Locks the
-- tenant's row (for no key update) until commit, so that parallel spawns cannot exceed a quota together or use a name
-- twice. The last use of an enrolment key is stored at most once a minute, and only if the key's row is not locked.

create type mayfly_private.spawner as (
  tenant mayfly.tenants,
  parent mayfly.agents,
  -- The person, agent or enrolment key. Null for the secret key.
  id uuid,
  allowed text[]
);

create function mayfly_private.open_spawn(wanted integer)
returns mayfly_private.spawner
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('agent:spawn');
  caller mayfly_private.caller;
  tenant mayfly.tenants;
  parent mayfly.agents;
  allowed text[];
begin
  select * into strict tenant from mayfly.tenants t where t.id = of_tenant for no key update;
  -- The scope is checked again under the lock, because the caller may have waited for the lock. Keys that were revoked
  -- and people who were removed meanwhile must not spawn.
  perform mayfly_private.require_tenant('agent:spawn');
  caller := mayfly_private.caller();
  if caller.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller is no longer alive.', 'Spawn an agent, or sign in.');
  end if;
  allowed := caller.grantable;

  if caller.kind = 'agent' then
    select * into strict parent from mayfly.agents a where a.tenant_id = tenant.id and a.id = caller.id;
    if parent.depth + 1 > tenant.max_depth then
      perform mayfly_private.fail(403, 'depth_exceeded',
        format('The tree of agents in this tenant may have at most %s levels.', tenant.max_depth),
        'Let an ancestor spawn it, or raise the tenant''s max_depth.');
    end if;
  elsif caller.kind = 'person' then
    allowed := (select coalesce(array_agg(s.name), '{}') from mayfly.scopes s
      where s.agents and tenant.id = any (mayfly_private.tenant_ids(s.name)));
  elsif caller.kind = 'machine' then
    update mayfly.enrolment_keys k set last_used_at = mayfly_private.now()
    where k.tenant_id = tenant.id and k.id = (
      select due.id from mayfly.enrolment_keys due
      where due.tenant_id = tenant.id and due.id = caller.id
        and coalesce(due.last_used_at, '-infinity') < mayfly_private.now() - interval '1 minute'
      for no key update skip locked);
  end if;

  perform mayfly_private.take_spawns(tenant, wanted);
  return row(tenant, parent, caller.id, allowed)::mayfly_private.spawner;
end
$$;

comment on function mayfly_private.open_spawn is 'Begins a spawn: locks the tenant, charges its spawn rate, and returns what the caller may give.';
