-- Deletes up to max_rows of a tenant's events that are older than the setting `kept` allows, and records how far the
-- log goes back, so that older cursors are refused. It is a chore, so maintain_tenant calls it under its lock. Locks
-- what it deletes.

create function mayfly_private.maintain_log(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
  of_epoch constant integer := mayfly_private.current_epoch();
  events bigint;
  newest xid8;
begin
  -- Oldest first, by (xid, id). Events of an earlier epoch of the database can be anywhere.
  with old as (
    select e.xid, e.id, e.at from mayfly.events e where e.tenant_id = tenant order by e.xid, e.id limit max_rows
  ), deleted as (
    delete from mayfly.events e using old
    where e.tenant_id = tenant and e.xid = old.xid and e.id = old.id and old.at < long_ago
    returning e.xid, e.epoch
  )
  select count(*), max(d.xid) filter (where d.epoch = of_epoch) into events, newest from deleted d;
  if events = 0 and exists (select from mayfly_private.epochs e where e.epoch <> of_epoch) then
    delete from mayfly.events e where (e.tenant_id, e.xid, e.id) in (
      select o.tenant_id, o.xid, o.id from mayfly.events o
      where o.tenant_id = tenant and o.epoch <> of_epoch and o.at < long_ago limit max_rows);
    get diagnostics events = row_count;
  end if;

  if newest is not null then
    update mayfly_private.maintenance m
    set deleted_to = case when m.epoch = of_epoch then greatest(m.deleted_to, newest) else newest end, epoch = of_epoch
    where m.tenant_id = tenant;
  end if;
  return jsonb_build_object('events', events, 'more', events = max_rows);
end
$$;

comment on function mayfly_private.maintain_log is 'One batch of forgetting a tenant''s events.';
