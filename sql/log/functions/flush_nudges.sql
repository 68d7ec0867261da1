-- Sends the due broadcasts of every tenant, or of only_tenant. Sends one broadcast for each topic and event to which
-- somebody listens, the oldest first, and at most announce_rate for each tenant. Returns how many broadcasts it sent. A
-- tenant with one due row is served at once, however many due rows another tenant has. pg_cron or the embedded Supabase
-- calls it each second. Without them, listen calls it in passing for one tenant. Only one flush runs at a time. A
-- second flush leaves the work to the first.
--
-- A flush looks at up to 20,000 rows, divided among the tenants, the oldest of each tenant first. Rows above
-- announce_rate stay, merged into one for each topic and event. When one tenant has 300,000 due rows, a flush takes 0.2
-- s. Looking at all of them took 1.0 to 1.7 s.

-- The rooms that registered the kinds (nudge_kinds) decide who listens without a lease and what is sent. Broadcasts of
-- a kind that no room has registered are not sent.

create function mayfly_private.flush_nudges(only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  tenants uuid[];
  topics text[];
  events text[];
  seqs bigint[];
  one uuid;
  more integer;
  said bigint;
  total integer := 0;
  rows_heard text;
  payloads text;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('mayfly.flush_nudges', 0)) then
    return 0;
  end if;
  if only_tenant is null then
    update mayfly_private.flusher f set at = mayfly_private.now();
  end if;
  if not exists (select from mayfly_private.nudges_due d where only_tenant is null or d.tenant_id = only_tenant) then
    return 0;
  end if;

  select 'case d.event ' || string_agg(format('when %L then %s(d.tenant_id, d.topic)', k.event, to_regprocedure(k.heard)::regproc), ' ')
    || ' else false end' into rows_heard
  from mayfly_private.nudge_kinds k where to_regprocedure(k.heard) is not null;
  execute format($statement$
    with recursive tenants as (
      (select d.tenant_id from mayfly_private.nudges_due d
        where $1::uuid is null or d.tenant_id = $1 order by d.tenant_id limit 1)
      union all
      select (select d.tenant_id from mayfly_private.nudges_due d
        where $1 is null and d.tenant_id > t.tenant_id order by d.tenant_id limit 1)
      from tenants t where t.tenant_id is not null
    ), batch as (
      select b.* from tenants t, lateral (
        select d.tenant_id, d.id, d.topic, d.event, d.seq from mayfly_private.nudges_due d
        where d.tenant_id = t.tenant_id
        order by d.id
        limit greatest(50, 20000 / (select count(*) from tenants))) b
    ), heard as (
      select d.*, exists (
          select from mayfly_private.listeners l where l.tenant_id = d.tenant_id and l.topic = d.topic and l.until > (select mayfly_private.now()))
        or %s as listened
      from batch d
    ), grouped as (
      select h.*, min(h.id) over same as first, max(h.seq) over same as newest
      from heard h window same as (partition by h.tenant_id, h.topic, h.event)
    ), ranked as (
      select g.*, case when g.listened then dense_rank() over (partition by g.tenant_id, g.listened order by g.first) else 0 end as nth
      from grouped g
    ), gone as (
      delete from mayfly_private.nudges_due d using ranked r
      where d.tenant_id = r.tenant_id and d.id = r.id and (r.nth <= $2 or r.id <> r.first)
    ), merged as (
      update mayfly_private.nudges_due d set seq = r.newest
      from ranked r
      where d.tenant_id = r.tenant_id and d.id = r.id and r.nth > $2 and r.id = r.first and d.seq < r.newest
    )
    select array_agg(t.tenant_id order by t.nth) as tenants, array_agg(t.topic order by t.nth) as topics,
      array_agg(t.event order by t.nth) as events, array_agg(t.newest order by t.nth) as seqs
    from ranked t where t.listened and t.nth <= $2 and t.id = t.first
  $statement$, coalesce(rows_heard, 'false')) into tenants, topics, events, seqs using only_tenant, rate;
  if topics is null then
    return 0;
  end if;

  update mayfly_private.nudges n set sent_at = (select mayfly_private.now())
  where (n.tenant_id, n.topic) in (
    select w.tenant_id, w.topic
    from mayfly_private.nudges w
    join unnest(tenants, topics, events) t (tenant_id, topic, event)
      on t.tenant_id = w.tenant_id and t.topic = w.topic and t.event = 'log_appended'
    for update of w skip locked);
  select coalesce('case t.event ' || string_agg(
    format('when %L then %s(t.tenant_id, t.topic, t.seq)', k.event, to_regprocedure(k.payload)::regproc), ' ') || ' end', 'null::jsonb')
    into payloads
  from mayfly_private.nudge_kinds k where to_regprocedure(k.payload) is not null;
  -- Sends all broadcasts at once. If this fails, the broadcasts of each tenant are sent separately, so that one failing
  -- broadcast does not silence the other tenants.
  foreach one in array array[null::uuid] || array(select distinct t from unnest(tenants) t) loop
    begin
      execute format($statement$
        with broadcast as materialized (
          select p.payload, t.event, t.topic, t.n
          from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) with ordinality as t (tenant_id, topic, event, seq, n),
            lateral (select %s as payload) p
          where p.payload is not null and ($5 is null or t.tenant_id = $5)
        ), sent as (
          insert into realtime.messages (payload, event, topic, private, extension)
          select b.payload, b.event, b.topic, true, 'broadcast' from broadcast b order by b.n
        )
        select count(*), count(mayfly_private.notify(b.topic, b.event, b.payload)) from broadcast b
      $statement$, payloads) into more, said using tenants, topics, events, seqs, one;
      total := total + more;
      exit when one is null;
    exception when others then
      -- As in realtime.send, a failure is only a warning, because nothing depends on a broadcast.
      raise warning 'Due nudges of % could not be sent: %', coalesce(one::text, 'some tenant'), sqlerrm;
    end;
  end loop;
  return total;
end
$$;

comment on function mayfly_private.flush_nudges is 'Sends due broadcasts.';
