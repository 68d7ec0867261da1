-- Logs which channels were created, changed and deleted, once per statement. Runs as owner, because clients have no
-- INSERT on the log. A new message in a channel is not such an event. When the tenant itself is deleted, nothing is
-- logged, because its log is deleted too.

create function mayfly_private.log_channels()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  tenants uuid[];
begin
  if tg_op = 'INSERT' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.created',
        (select a.id from mayfly.agents a where a.tenant_id = n.tenant_id and a.id = n.created_by), n.id
      from new_rows n
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  elsif tg_op = 'UPDATE' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, subject, fields)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.updated', n.id, array_remove(array[
        case when n.description <> o.description then 'description' end,
        case when n.publishers <> o.publishers then 'publishers' end], null)
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where n.description <> o.description or n.publishers <> o.publishers
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  else
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, subject)
      select o.tenant_id, mayfly_private.current_epoch(), 'channel.deleted', o.id
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  end if;
  perform mayfly_private.nudge(t, null) from unnest(tenants) t;
  return null;
end
$$;

comment on function mayfly_private.log_channels is 'Trigger: appends what happened to channels to the log.';

create trigger channels_log_insert after insert on mayfly.channels
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_channels();

create trigger channels_log_update after update on mayfly.channels
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_channels();

create trigger channels_log_delete after delete on mayfly.channels
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_channels();
