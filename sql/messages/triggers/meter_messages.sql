-- Gives back what deleted messages and deliveries were charged (mayfly_private.send_messages): the bytes of each
-- message, and 160 for each delivery.

create function mayfly_private.meter_messages()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  for change in select t.id, sum(o.bytes) as bytes from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
    perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.meter_messages is 'Trigger: gives back what deleted messages were charged.';

create trigger messages_meter_delete after delete on mayfly.messages
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_messages();
