-- Gives back what deleted deliveries were charged: 160 bytes each, for the row and its index. When messages are deleted
-- together with their deliveries, this trigger runs once for each message. So code that deletes many messages deletes
-- their deliveries first.

create function mayfly_private.meter_deliveries()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  for change in select t.id, count(*) as deliveries from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
    perform mayfly_private.count_usage(change.id, 0, change.deliveries * -160, 0);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.meter_deliveries is 'Trigger: gives back what deleted deliveries were charged.';

create trigger deliveries_meter_delete after delete on mayfly.deliveries
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_deliveries();
