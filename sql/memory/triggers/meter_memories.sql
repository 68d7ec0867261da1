-- Charges the rows that a statement writes into memories. It is a trigger, so no writer can forget it. octet_length
-- reads the length of a stored text without reading the text. Tags, metadata and timestamps are counted uncompressed,
-- for which `|| '{}'` is needed. Compressed, they may take a fortieth of the space, and forgetting would then give back
-- less than was charged. 512 more bytes are charged for the row itself, its operation and its event. A tombstone keeps
-- these.

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
        sum(512 + octet_length(n.task) + octet_length(n.input) + octet_length(n.output) + octet_length(n.critique)
          + pg_column_size(n.tags || '{}') + pg_column_size(n.metadata || '{}') + pg_column_size(n.hlc || '{}') + coalesce(octet_length(n.key), 0)) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, change.memories, change.bytes, change.writes::integer);
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      -- Forgetting by maintenance does not count as anybody's write.
      select t.id, case when current_setting('mayfly.maintaining', true) = 'on' then 0 else count(*) end as writes,
        sum(octet_length(n.task) + octet_length(n.input) + octet_length(n.output) + octet_length(n.critique)
          + pg_column_size(n.tags || '{}') + pg_column_size(n.metadata || '{}') + pg_column_size(n.hlc || '{}')
          + coalesce(octet_length(n.key), 0) - coalesce(octet_length(o.key), 0)
          - octet_length(o.task) - octet_length(o.input) - octet_length(o.output) - octet_length(o.critique)
          - pg_column_size(o.tags || '{}') - pg_column_size(o.metadata || '{}') - pg_column_size(o.hlc || '{}')) as bytes
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, change.bytes, change.writes::integer);
    end loop;
  else
    for change in
      select t.id, count(*) as memories,
        sum(512 + octet_length(o.task) + octet_length(o.input) + octet_length(o.output) + octet_length(o.critique)
          + pg_column_size(o.tags || '{}') + pg_column_size(o.metadata || '{}') + pg_column_size(o.hlc || '{}')
          + coalesce(octet_length(o.key), 0)) as bytes
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
