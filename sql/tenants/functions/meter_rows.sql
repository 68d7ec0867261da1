-- Charges what a statement writes into small tables that callers fill, as listed in mayfly_private.charges. An insert
-- is charged its bytes and one write for each row, which also limits inserting and deleting in a loop. An update is
-- charged only its bytes. An update can be refused only if it changes `task`, because an agent may report new tasks
-- many times. Tables that are not small are charged by the functions that write to them.
--
-- In a lenient table, an insert of up to 1,000 bytes per row is counted but never refused. So even in a full tenant,
-- agents can be spawned to free space, and dead agents can be marked.

create function mayfly_private.meter_rows()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  charged mayfly_private.charges;
  change record;
begin
  select * into strict charged from mayfly_private.charges c where c.relation = tg_table_schema || '.' || tg_table_name;
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as writes, sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(n))) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if charged.lenient and change.bytes <= 1000 * change.writes then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      else
        perform mayfly_private.charge(change.id, 0, change.bytes, case when charged.lenient then 0 else change.writes end::integer);
      end if;
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      select t.id, bool_or((to_jsonb(n) ->> 'task') is distinct from (to_jsonb(o) ->> 'task')) as working,
        sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(n))
          - mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(o))) as bytes
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
      select t.id, sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(o))) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_rows is 'Trigger: charges what was written into a small table.';
