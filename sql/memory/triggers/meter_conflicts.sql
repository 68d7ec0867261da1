-- Charges the rows that a statement writes into memory_conflicts.

create function mayfly_private.meter_conflicts()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, sum(mayfly_private.conflict_bytes(n.base, n.wanted)) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, change.bytes, 0);
    end loop;
  else
    for change in
      select t.id, sum(mayfly_private.conflict_bytes(o.base, o.wanted)) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_conflicts is 'Trigger: charges what was written into memory_conflicts.';

create trigger memory_conflicts_meter_insert after insert on mayfly.memory_conflicts
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_conflicts();

create trigger memory_conflicts_meter_delete after delete on mayfly.memory_conflicts
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_conflicts();
