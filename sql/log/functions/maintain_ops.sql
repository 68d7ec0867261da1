-- Deletes up to max_rows of a tenant's operations that are older than the setting `kept` allows. It is a chore,
-- so maintain_tenant calls it under its lock. Locks what it deletes.

create function mayfly_private.maintain_ops(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
  deleted integer;
begin
  -- If a client's clock was ahead, the id of its operation has a later time. Such an operation is kept longer, until
  -- this time is old enough. Otherwise it could be applied again after it was deleted, because an operation is refused
  -- only if its id looks old.
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b
    where b.tenant_id = tenant and b.at < long_ago and coalesce(mayfly_private.time_of_id(b.id), '-infinity') < long_ago
    limit max_rows);
  get diagnostics deleted = row_count;
  return jsonb_build_object('ops', deleted, 'more', deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_ops is 'One batch of forgetting a tenant''s operations.';
