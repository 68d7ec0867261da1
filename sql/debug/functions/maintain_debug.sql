-- Deletes up to max_rows debug records of a tenant that are older than the tenant's setting `keep` allows, and
-- leases that have ended. It is a chore, so maintain_tenant calls it under its lock, as owner.

create function mayfly_private.maintain_debug(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  deleted integer;
  freed bigint;
begin
  with old as (
    select r.id from mayfly.debug_records r
    where r.tenant_id = tenant and r.stored_at < (select mayfly_private.now()) - make_interval(secs => (
      select (t.debug ->> 'keep')::double precision from mayfly.tenants t where t.id = tenant))
    order by r.stored_at limit max_rows
  ), gone as (
    delete from mayfly.debug_records r using old where r.tenant_id = tenant and r.id = old.id
    returning r.bytes
  )
  select count(*), coalesce(sum(g.bytes), 0) into deleted, freed from gone g;
  if deleted > 0 then
    perform mayfly_private.charge(tenant, 0, -freed, 0);
  end if;
  delete from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at <= (select mayfly_private.now());
  return jsonb_build_object('more', deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_debug is 'One batch of deleting old debug records and leases.';
