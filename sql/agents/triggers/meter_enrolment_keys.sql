-- Charges what is written, as this room's charges.sql says.

create trigger enrolment_keys_meter_insert after insert on mayfly.enrolment_keys
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
