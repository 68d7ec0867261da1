-- Tells what is due, of every tenant or of one: a broadcast for each topic and event where somebody listens,
-- at most announce_rate of each tenant, those first that have waited longest. Says how many. A tenant with one due
-- row is told at once, whatever another has left. Each second by pg_cron or the embedded stack; in passing, for
-- one tenant, by listen where neither is there. One at a time: a second one leaves it to the first.
--
-- It looks at 20,000 rows at most, shared among the tenants, the oldest of each: beside 300,000 due rows of one
-- tenant a flush took 0.2 s, and 1.0 to 1.7 s when it looked at all. Of what it leaves, it merges each topic's rows.

create function mayfly_private.flush_nudges(only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  told record;
  one uuid;
  more integer;
  said bigint;
  total integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('mayfly.flush_nudges', 0)) then
    return 0;
  end if;
  if only_tenant is null then
    update mayfly_private.flusher f set at = mayfly_private.now();
  end if;

  with recursive tenants as (
    (select d.tenant_id from mayfly_private.nudges_due d
      where only_tenant is null or d.tenant_id = only_tenant order by d.tenant_id limit 1)
    union all
    select (select d.tenant_id from mayfly_private.nudges_due d
      where only_tenant is null and d.tenant_id > t.tenant_id order by d.tenant_id limit 1)
    from tenants t where t.tenant_id is not null
  ), batch as (
    select b.* from tenants t, lateral (
      select d.tenant_id, d.id, d.topic, d.event, d.seq from mayfly_private.nudges_due d
      where d.tenant_id = t.tenant_id
      order by d.id
      limit greatest(50, 20000 / (select count(*) from tenants))) b
  ), heard as (
    select d.*, d.event in ('control', 'debug_level') or exists (
        select from mayfly_private.listeners l where l.tenant_id = d.tenant_id and l.topic = d.topic and l.until > (select mayfly_private.now()))
      or (d.event = 'message' and exists (
        select from mayfly.inboxes b
        where b.tenant_id = d.tenant_id and b.session is not null and d.topic = format('tenant:%s:agent:%s', b.tenant_id, b.recipient_id)
          and b.recipient_id = mayfly_private.to_uuid(split_part(d.topic, ':', 4)))) as listened
    from batch d
  ), grouped as (
    select h.*, min(h.id) over same as first, max(h.seq) over same as newest
    from heard h window same as (partition by h.tenant_id, h.topic, h.event)
  ), ranked as (
    select g.*, case when g.listened then dense_rank() over (partition by g.tenant_id, g.listened order by g.first) else 0 end as nth
    from grouped g
  ), gone as (
    delete from mayfly_private.nudges_due d using ranked r
    where d.tenant_id = r.tenant_id and d.id = r.id and (r.nth <= rate or r.id <> r.first)
  ), merged as (
    update mayfly_private.nudges_due d set seq = r.newest
    from ranked r
    where d.tenant_id = r.tenant_id and d.id = r.id and r.nth > rate and r.id = r.first and d.seq < r.newest
  )
  select array_agg(t.tenant_id order by t.nth) as tenants, array_agg(t.topic order by t.nth) as topics,
    array_agg(t.event order by t.nth) as events, array_agg(t.newest order by t.nth) as seqs into told
  from ranked t where t.listened and t.nth <= rate and t.id = t.first;
  if told.topics is null then
    return 0;
  end if;

  update mayfly_private.nudges n set sent_at = (select mayfly_private.now())
  where (n.tenant_id, n.topic) in (
    select w.tenant_id, w.topic
    from mayfly_private.nudges w
    join unnest(told.tenants, told.topics, told.events) t (tenant_id, topic, event)
      on t.tenant_id = w.tenant_id and t.topic = w.topic and t.event = 'log_appended'
    for update of w skip locked);
  -- All at once; where that fails, each tenant by itself, so that one whose broadcast fails silences no other.
  foreach one in array array[null::uuid] || array(select distinct t from unnest(told.tenants) t) loop
    begin
      with broadcast as materialized (
        select p.payload, t.event, t.topic, t.n
        from unnest(told.tenants, told.topics, told.events, told.seqs) with ordinality as t (tenant_id, topic, event, seq, n),
          lateral (
            select case t.event
              when 'log_appended' then '{}'::jsonb
              when 'message' then jsonb_build_object('seq', t.seq)
              when 'debug_level' then mayfly_private.debug_levels(t.tenant_id, mayfly_private.to_uuid(split_part(t.topic, ':', 4)),
                mayfly_private.debug_rate(t.tenant_id))
              else (
                select jsonb_build_object('status', a.status, 'reason', a.reason)
                from (
                  select mayfly_private.effective_status(e) as status,
                    coalesce(e.stop_reason, e.suspend_reason, 'ancestor ' || mayfly_private.effective_status(e)) as reason
                  from mayfly.agents e
                  where e.tenant_id = t.tenant_id and e.id = mayfly_private.to_uuid(split_part(t.topic, ':', 4))
                ) a
                -- One that was resumed meanwhile is told nothing.
                where a.status <> 'running')
            end as payload
          ) p
        where p.payload is not null and (one is null or t.tenant_id = one)
      ), sent as (
        insert into realtime.messages (payload, event, topic, private, extension)
        select b.payload, b.event, b.topic, true, 'broadcast' from broadcast b order by b.n
      )
      select count(*), count(mayfly_private.notify(b.topic, b.event, b.payload)) into more, said from broadcast b;
      total := total + more;
      exit when one is null;
    exception when others then
      -- As realtime.send has it: nothing depends on a broadcast.
      raise warning 'Due nudges of % could not be told: %', coalesce(one::text, 'some tenant'), sqlerrm;
    end;
  end loop;
  return total;
end
$$;

comment on function mayfly_private.flush_nudges is 'Tells what is due.';
