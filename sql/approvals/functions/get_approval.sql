-- An approval with its decisions. For callers with approval:read. Keeps no lock.

create function mayfly.get_approval(id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
  approval mayfly.approvals;
begin
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = get_approval.id;
  if not found then
    perform mayfly_private.await_deliveries(tenant);
    select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = get_approval.id;
  end if;
  if not found then
    perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', null, '{"field": "id"}');
  end if;
  return mayfly_private.show_approval(approval) || jsonb_build_object('decisions', (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('by', d.decided_by, 'kind', d.decided_kind, 'verdict', d.verdict,
      'counts', case when d.verdict = 'approve' then d.digest = approval.digest end, 'to', d.delegated_to, 'reason', d.reason, 'at', d.at)) order by d.at, d.decided_by), '[]')
    from mayfly.approval_decisions d where d.tenant_id = tenant and d.approval_id = approval.id));
end
$$;

comment on function mayfly.get_approval is 'An approval with its decisions.';
grant execute on function mayfly.get_approval to authenticated, service_role;
