-- Announces that there is something to pull, to all readers of a tenant's log, or to one agent and the people who
-- watch. There is one announcement for each window of 1 s and each audience. The first transaction of a window claims
-- the topic's row and broadcasts. All later ones leave a due row, which becomes visible exactly when their data do, and
-- flush_nudges sends it within a second. 1,000 writes in 10 s made 14 to 17 broadcasts. No news was lost,
-- even with transactions that aborted or stayed open. Called by the log's triggers.
--
-- If nobody listens, nothing is broadcast. A lease may start while this transaction is open, and this transaction
-- cannot see that lease. So it still leaves a due row, and flush_nudges checks again whether somebody listens.
--
-- If nothing flushes, each transaction broadcasts once for each audience with a listener. If a savepoint is rolled
-- back, both its nudge and the record that it was sent are rolled back too. A broadcast that fails is only a warning of
-- realtime.send, because the log is the truth.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if audience is null then
    perform mayfly_private.nudge_topic(tenant, format('tenant:%s:log', tenant));
    return;
  end if;
  perform mayfly_private.nudge_people(tenant);
  -- An agent that is not alive is told only of its end, so that somebody who still listens with its token hears
  -- nothing more.
  if not exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = audience and mayfly_private.effective_status(a) <> 'running'
  ) then
    perform mayfly_private.nudge_topic(tenant, format('tenant:%s:agent:%s', tenant, audience));
  end if;
end
$$;

comment on function mayfly_private.nudge is 'Announces that the log has something new, once for each window and audience.';

-- Announces on one topic that there is something to pull, as described above.

create function mayfly_private.nudge_topic(tenant uuid, about text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  sent text := coalesce(current_setting('mayfly.nudged', true), '');
  flushed boolean;
  listened boolean;
begin
  if strpos(sent, about) > 0 then
    return;
  end if;
  -- When the list of announced topics grows too long, it is emptied, because an additional nudge does no harm.
  sent := set_config('mayfly.nudged', case when length(sent) < 5000 then sent else '' end || about || ' ', true);

  -- The same check as is_flushed, but in this statement, because nearly every write gets here.
  select exists (select from mayfly_private.listeners l where l.tenant_id = tenant and l.topic = about and l.until > instant),
    coalesce((select f.at between instant - interval '5 seconds' and instant + interval '5 seconds' from mayfly_private.flusher f), false)
  into listened, flushed;
  if listened and flushed then
    -- This does not wait. If another transaction holds the row, a nudge is already being sent.
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

comment on function mayfly_private.nudge_topic is 'Announces on a topic that the log has something new, once for each window.';

-- Announces the same to people and the secret key, who may see what is meant for one agent. While none of them watches,
-- this costs one index lookup and leaves no due row. If somebody begins to watch while this transaction is open,
-- nothing is missed, because a watch also looks every 30 s.

create function mayfly_private.nudge_people(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  about constant text := format('tenant:%s:people', tenant);
begin
  if exists (
    select from mayfly_private.listeners l where l.tenant_id = tenant and l.topic = about and l.until > mayfly_private.now()
  ) then
    perform mayfly_private.nudge_topic(tenant, about);
  end if;
end
$$;

comment on function mayfly_private.nudge_people is 'Announces to people that there is something new that is meant for one agent.';

-- Announces news in the logs of several tenants. Most tenants have no listeners, and one statement serves all of these.

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
