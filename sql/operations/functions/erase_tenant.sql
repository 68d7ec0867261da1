-- The definer half of mayfly.erase_tenant. The first call stops every agent and revokes every key, so
-- that little is written meanwhile; each deletes up to max_rows rows of what can be much; the last
-- deletes the tenant, and with it everything that is left. Locks the tenant's row.

create function mayfly_private.erase_tenant(name text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  left_rows integer := max_rows;
  deleted integer;
begin
  if mayfly_private.acting_role(of_tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner erases a tenant.', 'Ask an owner of the tenant.', '{"role": "owner"}');
  elsif name is distinct from (select t.name from mayfly.tenants t where t.id = of_tenant for update) then
    perform mayfly_private.fail(400, 'invalid_request', 'name is not the name of the tenant.',
      'To erase a tenant, give its name.', '{"field": "name"}');
  elsif max_rows is null or max_rows < 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be at least 1.', null, '{"field": "max_rows"}');
  end if;

  update mayfly.enrolment_keys k set revoked_at = clock_timestamp() where k.tenant_id = of_tenant and k.revoked_at is null;
  update mayfly.invitations i set revoked_at = clock_timestamp() where i.tenant_id = of_tenant and i.revoked_at is null;
  update mayfly.agents a set status = 'stopped', stopped_at = clock_timestamp(), stop_reason = 'tenant erased'
  where a.tenant_id = of_tenant and a.status in ('running', 'suspended');

  delete from mayfly.memories m where (m.tenant_id, m.id) in (
    select b.tenant_id, b.id from mayfly.memories b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.deliveries d where (d.tenant_id, d.recipient_id, d.seq) in (
    select b.tenant_id, b.recipient_id, b.seq from mayfly.deliveries b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.messages m where (m.tenant_id, m.id) in (
    select b.tenant_id, b.id from mayfly.messages b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.events e where (e.tenant_id, e.xid, e.id) in (
    select b.tenant_id, b.xid, b.id from mayfly.events b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.debug_records r where (r.tenant_id, r.id) in (
    select b.tenant_id, b.id from mayfly.debug_records b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.states s where (s.tenant_id, s.id) in (
    select b.tenant_id, b.id from mayfly.states b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  -- The deepest first: a parent goes after its children.
  delete from mayfly.agents a where (a.tenant_id, a.id) in (
    select b.tenant_id, b.id from mayfly.agents b where b.tenant_id = of_tenant order by b.depth desc limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;

  if left_rows > 0 then
    delete from mayfly.tenants t where t.id = of_tenant;
  end if;
  return jsonb_build_object('erased', left_rows > 0);
end
$$;

comment on function mayfly_private.erase_tenant is 'Erases the callers tenant.';
grant execute on function mayfly_private.erase_tenant to authenticated, service_role;

-- Erases the tenant with everything in it, for good: for its owners and the secret key, who confirm by
-- its name. At most max_rows rows a call, for the API's statement timeout (8 s): call it again until it
-- says erased. Agents stop with the first call.

create function mayfly.erase_tenant(name text, max_rows integer default 20000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.erase_tenant(name, max_rows);

comment on function mayfly.erase_tenant is
  'Erases the tenant for good. Returns { erased }: while false, call it again.';
grant execute on function mayfly.erase_tenant to authenticated, service_role;
