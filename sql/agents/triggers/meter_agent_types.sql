-- Charges what is written, as this room's charges.sql says.

create trigger agent_types_meter_insert after insert on mayfly.agent_types
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
