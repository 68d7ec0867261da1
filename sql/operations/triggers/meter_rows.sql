-- Charges what a statement wrote into small tables that callers fill: bytes, and a write for each row inserted,
-- so that inserting and deleting in a loop is bounded too. Changes of agents are charged by their bytes alone: an
-- agent says what it is doing many times. Of other tables, functions charge what they change.
--
-- Up to 1,000 bytes an agent are counted and never refused, and neither is the end of one: in a tenant that is
-- full, agents can still be spawned to empty it, and dead ones are marked.

create function mayfly_private.meter_rows()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  spawned constant boolean := tg_table_name in ('agents', 'registrations');
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as writes, sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(n))) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if spawned and change.bytes <= 1000 * change.writes then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      else
        perform mayfly_private.charge(change.id, 0, change.bytes, case when spawned then 0 else change.writes end::integer);
      end if;
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      select t.id, bool_or((to_jsonb(n) ->> 'task') is distinct from (to_jsonb(o) ->> 'task')) as working,
        sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(n)) - mayfly_private.row_bytes(tg_table_name, to_jsonb(o))) as bytes
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if change.bytes <> 0 and change.working then
        perform mayfly_private.charge(change.id, 0, change.bytes, 0);
      elsif change.bytes <> 0 then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      end if;
    end loop;
  else
    for change in
      select t.id, sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(o))) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_rows is 'Trigger: charges what was written into a small table.';

create trigger agent_types_meter_insert after insert on mayfly.agent_types
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger agents_meter_insert after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger agents_meter_update after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger registrations_meter_insert after insert on mayfly_private.registrations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channels_meter_insert after insert on mayfly.channels
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channels_meter_delete after delete on mayfly.channels
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channel_subscriptions_meter_insert after insert on mayfly.channel_subscriptions
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channel_subscriptions_meter_delete after delete on mayfly.channel_subscriptions
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger enrolment_keys_meter_insert after insert on mayfly.enrolment_keys
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger invitations_meter_insert after insert on mayfly.invitations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();
