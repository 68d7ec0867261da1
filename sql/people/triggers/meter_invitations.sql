-- Charges what is written, as this room's charges.sql says.

create trigger invitations_meter_insert after insert on mayfly.invitations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
