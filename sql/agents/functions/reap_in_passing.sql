-- Reaps agents of the caller's tenant, if the lifetime of at least one is over. Otherwise it costs only one index
-- lookup. Called by every sync. Locks what reap locks.

create function mayfly_private.reap_in_passing()
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid;
begin
  foreach tenant in array mayfly_private.tenant_ids(null) loop
    if exists (select from mayfly.agents a
        where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at <= (select mayfly_private.now())) then
      perform mayfly_private.reap(tenant);
    end if;
  end loop;
end
$$;

comment on function mayfly_private.reap_in_passing is 'Marks dead agents of the caller''s tenant, if there are any.';
grant execute on function mayfly_private.reap_in_passing to authenticated, service_role;
