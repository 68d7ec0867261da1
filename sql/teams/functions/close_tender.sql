-- Awards or withdraws a tender. Locks the tender, then what give_job locks.

create function mayfly_private.close_tender(tender_id uuid, award boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  caller constant mayfly_private.caller := mayfly_private.caller();
  tender mayfly.tenders := mayfly_private.lock_tender(tenant, close_tender.tender_id);
begin
  if caller.kind <> 'secret' and tender.created_by is distinct from caller.id and not tenant = any (mayfly_private.tenant_ids('agent:stop')) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'Without it, you can close only tenders that you opened.', '{"scope": "agent:stop"}');
  elsif tender.status = 'open' and award then
    tender := mayfly_private.award_tender(tender, true);
  elsif tender.status = 'open' then
    delete from mayfly_private.sealed_bids b where b.tenant_id = tenant and b.tender_id = tender.id;
    update mayfly.tenders d set status = 'cancelled', closed_at = mayfly_private.now()
    where d.tenant_id = tenant and d.id = tender.id returning d.* into tender;
    perform mayfly_private.append_events(tenant, 'tender.cancelled', array[tender.id]);
  end if;
  return mayfly_private.show_tender(tender);
end
$$;

comment on function mayfly_private.close_tender is 'Awards or withdraws a tender.';
grant execute on function mayfly_private.close_tender to authenticated, service_role;

-- Awards a tender now, or withdraws it if award is false. The caller that opened it (scope team:manage) and callers
-- with agent:stop can do this. A tender that is over does not change.

create function mayfly.close_tender(tender_id uuid, award boolean default true)
returns jsonb
language sql
set search_path = ''
return mayfly_private.close_tender(tender_id, award);

comment on function mayfly.close_tender is 'Awards a tender now, or withdraws it. Returns the tender.';
grant execute on function mayfly.close_tender to authenticated, service_role;
