create trigger parcels_meter_insert after insert on mayfly.parcels
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger parcels_meter_delete after delete on mayfly.parcels
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

-- Refunds what deleted stamps were charged, even if they were deleted with their parcel.

create function mayfly_private.refund_stamps()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  for change in select t.id, sum(40 + o.n) as bytes from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
    perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
  end loop;
  return null;
end
$$;

create trigger stamps_meter_delete after delete on mayfly.stamps
  referencing old table as old_rows
  for each statement execute function mayfly_private.refund_stamps();
