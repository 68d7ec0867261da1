-- Announces to the readers of a tenant's log, or to one agent, that there is something to pull, once for each window
-- (1 s) and audience. The first transaction of a window claims the topic's row and broadcasts. Every other one
-- leaves a due row, which becomes visible exactly when its data does, and flush_nudges sends it within a second.
-- 1,000 writes in 10 s made 14 to 17 broadcasts, with none lost, even with aborts and transactions held open. Called
-- by the log's triggers.
--
-- If nobody listens, nothing is broadcast. A lease may start while this transaction is open and cannot see it. So it
-- leaves a due row all the same, and whether somebody listens is checked again when that is sent.
--
-- If nothing flushes, each transaction with a listener broadcasts by itself, once for each audience. A savepoint
-- that is rolled back takes its nudge with it, and the record that it was sent. A broadcast that fails is only a
-- warning of realtime.send, because the log is the truth.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  about constant text := case
    when audience is null then format('tenant:%s:log', tenant)
    else format('tenant:%s:agent:%s', tenant, audience)
  end;
  sent constant text := coalesce(current_setting('mayfly.nudged', true), '');
  flushed boolean;
  listened boolean;
begin
  if strpos(sent, about) > 0 then
    return;
  end if;
  -- To one that does not live nothing is said but its end: whoever still listens with its token hears no more.
  if audience is not null and exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = audience and mayfly_private.effective_status(a) <> 'running'
  ) then
    return;
  end if;
  -- A list that grew too long begins anew: a nudge too many does no harm.
  perform set_config('mayfly.nudged', case when length(sent) < 5000 then sent else '' end || about || ' ', true);

  listened := exists (
    select from mayfly_private.listeners l where l.tenant_id = tenant and l.topic = about and l.until > instant);
  if not listened then
    -- As is_flushed asks, in the same statement: this is what nearly every write comes to.
    insert into mayfly_private.nudges_due (tenant_id, topic, event)
    select tenant, about, 'log_appended' from mayfly_private.flusher f
    where f.at between instant - interval '5 seconds' and instant + interval '5 seconds';
    return;
  end if;
  flushed := mayfly_private.is_flushed();
  if flushed then
    -- Waits for nobody: a row that another transaction holds is as good as one that was told just now.
    update mayfly_private.nudges n set sent_at = instant
    where (n.tenant_id, n.topic) in (
      select w.tenant_id, w.topic from mayfly_private.nudges w
      where w.tenant_id = tenant and w.topic = about and w.sent_at not between instant - interval '1 second' and instant
      for update skip locked);
    listened := found and mayfly_private.may_tell(tenant, 1) > 0;
  end if;
  if listened then
    perform realtime.send('{}'::jsonb, 'log_appended', about, true);
    perform mayfly_private.notify(about, 'log_appended', '{}');
  elsif flushed then
    insert into mayfly_private.nudges_due (tenant_id, topic, event) values (tenant, about, 'log_appended');
  end if;
end
$$;

comment on function mayfly_private.nudge is 'Announces that the log has something new, once for each window and audience.';

-- The same for the logs of several tenants: one statement for those where nobody listens, which are most.

create function mayfly_private.nudge_tenants(tenants uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  listened uuid[] := tenants;
  tenant uuid;
begin
  if mayfly_private.is_flushed() then
    listened := array(
      select t from unnest(tenants) t where exists (
        select from mayfly_private.listeners l where l.tenant_id = t and l.topic = format('tenant:%s:log', t) and l.until > instant));
    insert into mayfly_private.nudges_due (tenant_id, topic, event)
    select t, format('tenant:%s:log', t), 'log_appended' from unnest(tenants) t where t <> all (listened);
  end if;
  foreach tenant in array listened loop
    perform mayfly_private.nudge(tenant, null);
  end loop;
end
$$;

comment on function mayfly_private.nudge_tenants is 'Announces that the logs of several tenants have something new.';
