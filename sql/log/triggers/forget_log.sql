-- Deletes the events, the operations, the embedding queue and due nudges of tenants that are deleted, in place of
-- foreign keys, which would look each row up that is written. It comes after the cascades: who was still writing held
-- the tenant, or a row that they delete, and is done by then.

create function mayfly_private.forget_log()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly.events e using old_rows o where e.tenant_id = o.id;
  delete from mayfly_private.ops p using old_rows o where p.tenant_id = o.id;
  delete from mayfly_private.embedding_queue q using old_rows o where q.tenant_id = o.id;
  delete from mayfly_private.nudges_due d using old_rows o where d.tenant_id = o.id;
  return null;
end
$$;

comment on function mayfly_private.forget_log is 'Trigger: deletes the events and operations of deleted tenants.';

create trigger tenants_forget_log after delete on mayfly.tenants
  referencing old table as old_rows
  for each statement execute function mayfly_private.forget_log();
