-- Deletes threads and everything in them, and refunds their charges. Runs as owner. Locks what it deletes.

create function mayfly_private.drop_threads(tenant uuid, ids uuid[])
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  deleted integer;
  freed bigint;
begin
  with gone as (
    delete from mayfly.threads t where t.tenant_id = tenant and t.id = any (ids) returning t.bytes
  )
  select count(*), coalesce(sum(g.bytes), 0) into deleted, freed from gone g;
  if deleted > 0 then
    perform mayfly_private.charge(tenant, 0, -freed, 0);
  end if;
  return deleted;
end
$$;

comment on function mayfly_private.drop_threads is 'Deletes threads, and refunds their charges.';
