-- A chore: deletes up to max_rows empty parcels that were sent long ago.

create function mayfly_private.maintain_parcels(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  deleted integer;
begin
  delete from mayfly.parcels p where (p.tenant_id, p.id) in (
    select o.tenant_id, o.id from mayfly.parcels o
    where o.tenant_id = tenant and o.sent_at < mayfly_private.now() - mayfly_private.kept()
      and not exists (select from mayfly.parcels i where i.tenant_id = o.tenant_id and i.inside = o.id)
    limit max_rows);
  get diagnostics deleted = row_count;
  return jsonb_build_object('parcels', deleted, 'more', deleted > 0);
end
$$;
