-- Whether events that a cursor has not seen were deleted. Called by mayfly_private.pull. Reads one row. A
-- transaction that was open when the cursor was made may have written before the mark, but while it is open, nothing
-- that it wrote can have been deleted. It is no longer known whether it wrote here, and all databases of the
-- cluster share these numbers. So a cursor near the edge of what was deleted may be refused although nothing is
-- missing. Its reader starts over.

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
