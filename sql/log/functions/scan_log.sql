-- Events of a tenant for a reader, in the order (xid, id). These are the events after (after_xid, after_id) that are
-- visible in `target`. With `among`, only events of the transactions in that list are returned, and otherwise only
-- events of transactions that began before before_xid. Called by read_log, as owner, with the conditions of the policy
-- already evaluated. Locks nothing.
--
--   { events, xid, id, whole }
--
-- xid and id are those of the last event of the page. `whole` is true if nothing is left after that event. The function
-- looks at 20,000 events at most, so that a reader that waits for a rare kind does not read a log of a million events
-- at once. So a page may end before it is full. The function reads along the primary key, and stops as soon as the page
-- is full. A separate index by kind would cost every writer an additional entry for each event, and would only help a
-- reader that was away for a long time.

create function mayfly_private.scan_log(
  tenant uuid, of_epoch integer, kinds text[], open_kinds text[], own uuid[], caller_id uuid,
  after_xid xid8, after_id bigint, before_xid xid8, among xid8[], target pg_snapshot, page_limit integer
)
returns jsonb
language plpgsql stable
set search_path = ''
-- Otherwise, a plan could read and sort everything after the cursor for a single page.
set enable_bitmapscan = off
set enable_seqscan = off
as $$
declare
  scan_limit constant integer := 20000;
  page record;
begin
  if among is not null then
    select coalesce(jsonb_agg(to_jsonb(p) - '{tenant_id,epoch,nth,told}'::text[] order by p.nth) filter (where p.told), '[]') as events,
      count(*) as given, max(p.nth) as last, (array_agg(p.xid order by p.nth desc))[1] as xid, (array_agg(p.id order by p.nth desc))[1] as id
    into page
    from (
      select s.* from (
        select e.*, row_number() over (order by e.xid, e.id) as nth,
          e.type = any (kinds) and (e.audience is null or e.audience = any (own) or e.audience = caller_id or e.type = any (open_kinds)) as told
        from (
          select * from mayfly.events w
          where w.tenant_id = tenant and w.epoch = of_epoch and w.xid = any (among) and (w.xid, w.id) > (after_xid, after_id)
            and pg_visible_in_snapshot(w.xid, target)
          order by w.xid, w.id limit scan_limit) e
      ) s
      where s.told or s.nth = scan_limit
      order by s.xid, s.id limit page_limit
    ) p;
  else
    select coalesce(jsonb_agg(to_jsonb(p) - '{tenant_id,epoch,nth,told}'::text[] order by p.nth) filter (where p.told), '[]') as events,
      count(*) as given, max(p.nth) as last, (array_agg(p.xid order by p.nth desc))[1] as xid, (array_agg(p.id order by p.nth desc))[1] as id
    into page
    from (
      select s.* from (
        select e.*, row_number() over (order by e.xid, e.id) as nth,
          e.type = any (kinds) and (e.audience is null or e.audience = any (own) or e.audience = caller_id or e.type = any (open_kinds)) as told
        from (
          -- There is only one lower bound. With a second one, the index was read from its start, which took 77 ms at
          -- the end of a log of a million events.
          select * from mayfly.events w
          where w.tenant_id = tenant and w.epoch = of_epoch and (w.xid, w.id) > (after_xid, after_id)
            and w.xid < before_xid and pg_visible_in_snapshot(w.xid, target)
          order by w.xid, w.id limit scan_limit) e
      ) s
      where s.told or s.nth = scan_limit
      order by s.xid, s.id limit page_limit
    ) p;
  end if;
  return jsonb_build_object('events', page.events, 'xid', page.xid::text, 'id', page.id, 'whole', page.given < page_limit and page.last is distinct from scan_limit);
end
$$;

comment on function mayfly_private.scan_log is 'Events of a tenant for a reader.';
