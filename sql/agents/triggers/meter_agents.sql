-- Charges what is written, as this room's charges.sql says.

create trigger agents_meter_insert after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger agents_meter_update after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
