-- Deletes states of a tenant that have expired. Removes a tombstone, with the versions of its state, when its event has
-- gone from the log. Handles at most max_rows states and max_rows tombstones. It is a chore, so maintain_tenant calls
-- it under its lock, as owner.

create function mayfly_private.maintain_states(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  long_ago constant timestamptz := instant - mayfly_private.kept();
  expired integer;
  gone uuid[];
  freed bigint;
begin
  with spent as (
    select s.id from mayfly.states s
    where s.tenant_id = tenant and s.deleted_at is null and least(s.expires_at, s.deleted_at) <= instant
    order by s.id limit max_rows
    for update skip locked
  ), deleted as (
    update mayfly.states s
    set version = s.version + 1, value = null, updated_by = null, updated_at = instant, expires_at = null,
      deleted_at = instant
    from spent where s.tenant_id = tenant and s.id = spent.id
    returning s.id, s.version
  )
  insert into mayfly.state_versions (tenant_id, state_id, version, action)
  select tenant, d.id, d.version, 'expire' from deleted d;
  get diagnostics expired = row_count;

  select array_agg(t.id) into gone
  from (
    select s.id from mayfly.states s
    where s.tenant_id = tenant and s.deleted_at < long_ago and least(s.expires_at, s.deleted_at) < long_ago
    order by s.id limit max_rows
    for update skip locked
  ) t;
  if gone is not null then
    freed := (select coalesce(sum(v.bytes), 0) from mayfly.state_versions v where v.tenant_id = tenant and v.state_id = any (gone));
    delete from mayfly.states s where s.tenant_id = tenant and s.id = any (gone);
    perform mayfly_private.charge(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('more', expired = max_rows or coalesce(cardinality(gone), 0) = max_rows);
end
$$;

comment on function mayfly_private.maintain_states is 'Deletes one batch of expired states and old versions.';
