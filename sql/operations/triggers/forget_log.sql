-- Deletes the rows of a deleted tenant in tables without a foreign key: the log, operations, and waiting embeddings and
-- broadcasts. A foreign key there would look up the tenant for each row that is written. The trigger runs after the
-- deletes that cascade from the tenant. Those wait for writers that hold the tenant or one of its rows, so when the
-- trigger runs, no writer is left.

create function mayfly_private.forget_log()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  left_behind regclass;
begin
  for left_behind in select t.relation from mayfly_private.tenant_tables() t where not t.refers loop
    execute format('delete from %s e using old_rows o where e.tenant_id = o.id', left_behind);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.forget_log is 'Trigger: deletes the rows of deleted tenants in tables without a foreign key.';

create trigger tenants_forget_log after delete on mayfly.tenants
  referencing old table as old_rows
  for each statement execute function mayfly_private.forget_log();
