-- Drops up to max_rows uploads that were not finished within an hour. It is a chore, which maintain_tenant calls as
-- owner. Locks the artifacts that it drops.

create function mayfly_private.maintain_artifacts(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  dropped integer;
begin
  delete from mayfly.artifacts a
  where a.tenant_id = tenant and a.id in (
    select o.id from mayfly.artifacts o
    where o.tenant_id = tenant and o.status = 'writing' and o.created_at < mayfly_private.now() - interval '1 hour'
    order by o.created_at limit max_rows for update skip locked);
  get diagnostics dropped = row_count;
  return jsonb_build_object('uploads', dropped, 'more', dropped = max_rows);
end
$$;

comment on function mayfly_private.maintain_artifacts is 'A chore of maintenance: drops uploads that were never finished.';
