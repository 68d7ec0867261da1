-- Deletes rows of the tenant. The first call stops every agent and revokes every key, so that little is written
-- meanwhile. Each call deletes at most max_rows rows, from every table that belongs to a tenant
-- (mayfly_private.tenant_tables). A table comes before those that it refers to, so no foreign key deletes more than
-- max_rows. In a table that refers to itself, rows to which no other row refers are deleted first. The call that finds
-- no rows deletes the tenant. The caller's own membership is deleted only then, because without it the caller could not
-- call again.
--
-- Locks the tenant's row, and the rows that it deletes.

create function mayfly_private.erase_tenant(name text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  caller constant uuid := mayfly_private.caller_id();
  left_rows integer := max_rows;
  before integer;
  deleted integer;
  erasing record;
begin
  if mayfly_private.acting_role(of_tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner can erase a tenant.', 'Ask an owner of the tenant.', '{"role": "owner"}');
  elsif name is distinct from (select t.name from mayfly.tenants t where t.id = of_tenant for update) then
    perform mayfly_private.fail(400, 'invalid_request', 'name is not the name of the tenant.',
      'To confirm that you want to erase the tenant, pass its name.', '{"field": "name"}');
  elsif max_rows is null or max_rows < 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be at least 1.', null, '{"field": "max_rows"}');
  end if;

  update mayfly.enrolment_keys k set revoked_at = mayfly_private.now() where k.tenant_id = of_tenant and k.revoked_at is null;
  update mayfly.invitations i set revoked_at = mayfly_private.now() where i.tenant_id = of_tenant and i.revoked_at is null;
  update mayfly.agents a set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = 'tenant erased'
  where a.tenant_id = of_tenant and a.status in ('running', 'suspended');

  -- Deletes write to the log, so the log is emptied again after everything else is gone.
  loop
    before := left_rows;
    for erasing in
      select t.relation,
        case when t.relation = 'mayfly.members'::regclass then 'and t.user_id is distinct from $3' else '' end as but,
        case when t.child_of is not null
          then format('and not exists (select from %s c where c.tenant_id = t.tenant_id and (%s))', t.relation, t.child_of)
          else '' end as leaves
      from mayfly_private.tenant_tables() t order by t.place desc
    loop
      loop
        execute format(
          'delete from %s d where d.ctid = any (array(select t.ctid from %1$s t where t.tenant_id = $1 %s %s limit $2))',
          erasing.relation, erasing.but, erasing.leaves)
          using of_tenant, left_rows, caller;
        get diagnostics deleted = row_count;
        left_rows := left_rows - deleted;
        -- When these leaves are gone, other rows may have become leaves.
        exit when deleted = 0 or left_rows = 0 or erasing.leaves = '';
      end loop;
      exit when left_rows = 0;
    end loop;
    exit when left_rows in (0, before);
  end loop;

  if left_rows > 0 then
    delete from mayfly.tenants t where t.id = of_tenant;
  end if;
  return jsonb_build_object('erased', left_rows > 0);
end
$$;

comment on function mayfly_private.erase_tenant is 'Erases the caller''s tenant.';
grant execute on function mayfly_private.erase_tenant to authenticated, service_role;

-- Erases a tenant and everything in it for good. The owners of the tenant and the secret key can do this. They pass the
-- tenant's name as a confirmation. Each call deletes at most max_rows rows, because of the API's statement timeout (8
-- s), so call it again until it returns `erased`. Agents stop with the first call.

create function mayfly.erase_tenant(name text, max_rows integer default 20000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.erase_tenant(name, max_rows);

comment on function mayfly.erase_tenant is
  'Erases the tenant for good. Returns { erased }. While it is false, call it again.';
grant execute on function mayfly.erase_tenant to authenticated, service_role;
