-- Whether events that a cursor has not seen have been deleted. Called by mayfly_private.pull. Reads one row. Events
-- are deleted up to a mark. A transaction that was open when the cursor was made may have written events below this
-- mark. While this transaction is open, nothing that it wrote can have been deleted. Afterwards, nobody knows whether
-- it wrote to this log, because all databases of the cluster share transaction numbers. So a cursor near the mark may
-- be refused although nothing is missing. Its reader then starts over.

create function mayfly_private.is_behind_log(tenant uuid, seen pg_snapshot)
returns boolean
language sql stable
set search_path = ''
return exists (
  select from mayfly_private.maintenance m
  where m.tenant_id = tenant
    and m.epoch = mayfly_private.current_epoch()
    and m.deleted_to >= pg_snapshot_xmin(seen)
    and (not pg_visible_in_snapshot(m.deleted_to, seen) or exists (
      select from pg_snapshot_xip(seen) open (xid)
      where open.xid < m.deleted_to and pg_visible_in_snapshot(open.xid, pg_current_snapshot())))
);

comment on function mayfly_private.is_behind_log is 'Whether events were deleted that a cursor has not seen.';
