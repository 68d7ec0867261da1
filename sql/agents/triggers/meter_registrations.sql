-- Charges what is written, as this room's charges.sql says.

create trigger registrations_meter_insert after insert on mayfly_private.registrations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
