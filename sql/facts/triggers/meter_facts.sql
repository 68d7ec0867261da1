-- Charges entities, their names and facts, and gives back what is deleted. A function that ends or confirms a fact
-- charges for this itself.

create trigger entities_meter_insert after insert on mayfly.entities
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entities_meter_update after update on mayfly.entities
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entities_meter_delete after delete on mayfly.entities
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entity_names_meter_insert after insert on mayfly.entity_names
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entity_names_meter_delete after delete on mayfly.entity_names
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_insert after insert on mayfly.facts
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_update after update on mayfly.facts
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_delete after delete on mayfly.facts
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();
