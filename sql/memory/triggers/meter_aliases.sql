-- Charges the rows that a statement writes into memory_aliases.

create trigger memory_aliases_meter_insert after insert on mayfly.memory_aliases
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger memory_aliases_meter_delete after delete on mayfly.memory_aliases
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();
