-- Charges what is written, as this room's charges.sql says.

create trigger channels_meter_insert after insert on mayfly.channels
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channels_meter_delete after delete on mayfly.channels
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();
