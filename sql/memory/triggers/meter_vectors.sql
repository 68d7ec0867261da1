-- Charges the vectors that a statement writes: two bytes a number, and 32 for the row.

create function mayfly_private.meter_vectors()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  each_bytes constant integer := 32 + 2 * mayfly_private.embedding_dimensions();
  change record;
begin
  if tg_op = 'INSERT' then
    for change in select t.id, count(*) as vectors from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id loop
      perform mayfly_private.charge(change.id, 0, change.vectors * each_bytes, 0);
    end loop;
  else
    for change in select t.id, count(*) as vectors from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
      perform mayfly_private.charge(change.id, 0, -change.vectors * each_bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_vectors is 'Trigger: charges what was written into memory_vectors.';

create trigger memory_vectors_meter_insert after insert on mayfly.memory_vectors
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_vectors();

create trigger memory_vectors_meter_delete after delete on mayfly.memory_vectors
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_vectors();
