-- Charges what is written, as this room's charges.sql says.

create trigger channel_subscriptions_meter_insert after insert on mayfly.channel_subscriptions
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channel_subscriptions_meter_delete after delete on mayfly.channel_subscriptions
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();
