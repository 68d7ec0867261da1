-- Reads a tender. It is a definer, because it first awards a tender that is due. Locks nothing while it is not due.

create function mayfly_private.get_tender(tender_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:read');
  tender mayfly.tenders;
begin
  select * into tender from mayfly.tenders d where d.tenant_id = tenant and d.id = get_tender.tender_id;
  if tender.id is null or tender.status = 'open' then
    tender := mayfly_private.lock_tender(tenant, get_tender.tender_id);
  end if;
  return mayfly_private.show_tender(tender);
end
$$;

comment on function mayfly_private.get_tender is 'A tender, awarded first if it is due.';
grant execute on function mayfly_private.get_tender to authenticated, service_role;

-- A tender (scope team:read), with its winner and its bids once it is over. A tender that is due is awarded
-- first.

create function mayfly.get_tender(tender_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.get_tender(tender_id);

comment on function mayfly.get_tender is 'A tender, with its winner and its bids once it is over.';
grant execute on function mayfly.get_tender to authenticated, service_role;
