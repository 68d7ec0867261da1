-- Logs which members joined, changed their role or left, once per statement. Runs as owner, because clients have no
-- INSERT on the log. If the tenant itself is deleted, there is no log to append to.

create function mayfly_private.log_members()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, type, subject)
    select n.tenant_id, of_epoch, 'member.joined', n.user_id from new_rows n;
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  elsif tg_op = 'UPDATE' then
    insert into mayfly.events (tenant_id, epoch, type, subject, fields)
    select n.tenant_id, of_epoch, 'member.updated', n.user_id, '{role}' from new_rows n;
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  else
    insert into mayfly.events (tenant_id, epoch, type, subject)
    select o.tenant_id, of_epoch, 'member.left', o.user_id
    from old_rows o join mayfly.tenants t on t.id = o.tenant_id;
    perform mayfly_private.nudge(t.id, null) from mayfly.tenants t where t.id in (select o.tenant_id from old_rows o);
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_members is 'Trigger: logs members who joined, changed role or left.';

create trigger members_log_insert after insert on mayfly.members
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_members();

create trigger members_log_update after update on mayfly.members
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_members();

create trigger members_log_delete after delete on mayfly.members
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_members();
