-- Charges the rows that a statement writes into memories (mayfly_private.memory_charge). It is a trigger, so no writer
-- can forget it.

create function mayfly_private.meter_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as memories, count(*) as writes,
        sum(mayfly_private.memory_charge(n.task, n.input, n.output, n.critique, n.tags, n.metadata, n.hlc, n.key)) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, change.memories, change.bytes, change.writes::integer);
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      -- Forgetting by maintenance does not count as anybody's write.
      select t.id, case when current_setting('mayfly.maintaining', true) = 'on' then 0 else count(*) end as writes,
        sum(mayfly_private.memory_charge(n.task, n.input, n.output, n.critique, n.tags, n.metadata, n.hlc, n.key)
          - mayfly_private.memory_charge(o.task, o.input, o.output, o.critique, o.tags, o.metadata, o.hlc, o.key)) as bytes
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, change.bytes, change.writes::integer);
    end loop;
  else
    for change in
      select t.id, count(*) as memories,
        sum(mayfly_private.memory_charge(o.task, o.input, o.output, o.critique, o.tags, o.metadata, o.hlc, o.key)) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, -change.memories, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_memories is 'Trigger: charges what was written into memories.';

create trigger memories_meter_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_memories();

create trigger memories_meter_update after update on mayfly.memories
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_memories();

create trigger memories_meter_delete after delete on mayfly.memories
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_memories();
