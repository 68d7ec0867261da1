-- Locks a tender of the tenant. Awards it if it is due.

create function mayfly_private.lock_tender(tenant uuid, id uuid)
returns mayfly.tenders
language plpgsql security definer
set search_path = ''
as $$
declare
  tender mayfly.tenders;
begin
  select * into tender from mayfly.tenders d where d.tenant_id = tenant and d.id = lock_tender.id for no key update;
  if tender.id is null then
    perform mayfly_private.fail(404, 'tender_unknown', 'There is no such tender.', null, '{"field": "id"}');
  end if;
  return case when tender.status = 'open' then mayfly_private.award_tender(tender, false) else tender end;
end
$$;

comment on function mayfly_private.lock_tender is 'Locks a tender, and awards it if it is due.';
