-- Leases the tenant's log and up to 100 channels for 60 s. The lease of the log includes the nudges that are only for
-- the calling agent, or only for people. Nudges are sent only while somebody has a lease. Returns the newest numbers of
-- everything that the caller may read, so that the caller notices lost broadcasts. In `lost`, the caller says how many
-- lost broadcasts it has noticed since its last call. Topics that the caller may not read are left out of the lease and
-- the answer. An open inbox needs no lease.
--
-- { seconds, log, inbox, channels: {name: number} }
--
-- log is the highest id among the newest 200 events that the caller may see. If nothing flushes due broadcasts,
-- this call sends them in passing. Locks the topics' leases while it writes them, at most every 10 s, however
-- many callers listen.

create function mayfly_private.listen(log boolean, channels text[], lost integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  lease_end constant timestamptz := mayfly_private.now() + interval '60 seconds';
  own constant uuid := case when caller.kind = 'agent' then caller.id end;
  kinds text[];
  -- The kinds of events that the caller sees even if they are for others.
  open_kinds text[];
  of_log boolean;
  of_messages constant boolean := tenant = any (mayfly_private.tenant_ids('message:read'));
  readable jsonb := '{}';
  topics text[];
begin
  if channels is null or cardinality(channels) > 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'channels must be at most 100 names.', null, '{"field": "channels"}');
  elsif lost is null or lost < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'lost must be at least 0.', null, '{"field": "lost"}');
  end if;
  select coalesce(array_agg(k.kind), '{}'), coalesce(array_agg(k.kind) filter (where k.sees_all), '{}') into kinds, open_kinds
  from mayfly_private.readable_kinds() k where k.tenant_id = tenant;
  of_log := coalesce(log, false) and cardinality(kinds) > 0;
  if cardinality(channels) > 0 and of_messages then
    select coalesce(jsonb_object_agg(c.name, c.last_seq), '{}') into readable
    from mayfly.channels c
    where c.tenant_id = tenant and c.name = any (channels) and c.id = any (mayfly_private.readable_channel_ids());
  end if;
  topics := array(
    select format('tenant:%s:log', tenant) where of_log
    union all
    select case when own is null then format('tenant:%s:people', tenant) else format('tenant:%s:agent:%s', tenant, own) end where of_log
    union all
    select format('tenant:%s:channel:%s', tenant, name) from jsonb_object_keys(readable) name);

  -- A lease that has most of its time left is not renewed.
  topics := array(
    select t from unnest(topics) t
    where not exists (select from mayfly_private.listeners l
      where l.tenant_id = tenant and l.topic = t and l.until > lease_end - interval '10 seconds')
    order by t);
  if cardinality(topics) > 0 then
    insert into mayfly_private.nudges (tenant_id, topic)
    select tenant, t from unnest(topics) t
    where not exists (select from mayfly_private.nudges n where n.tenant_id = tenant and n.topic = t)
    on conflict do nothing;
    insert into mayfly_private.listeners as l (tenant_id, topic, until)
    select tenant, t, lease_end from unnest(topics) t
    on conflict (tenant_id, topic) do update set until = greatest(l.until, excluded.until);
  end if;

  if lost > 0 then
    insert into mayfly_private.broadcast_losses as b (tenant_id, noticed, at) values (tenant, lost, (select mayfly_private.now()))
    on conflict (tenant_id) do update set noticed = b.noticed + excluded.noticed, at = excluded.at;
  end if;
  -- Deletes leases that have ended. Deleting comes last. Otherwise, two calls could each insert what the other has
  -- deleted, and wait for each other.
  if cardinality(topics) > 0 then
    delete from mayfly_private.listeners l where (l.tenant_id, l.topic) in (
      select o.tenant_id, o.topic from mayfly_private.listeners o
      where o.tenant_id = tenant and o.until < (select mayfly_private.now()) - interval '1 minute' and not o.topic = any (topics)
      limit 100 for update skip locked);
    delete from mayfly_private.nudges n where (n.tenant_id, n.topic) in (
      select o.tenant_id, o.topic from mayfly_private.nudges o
      where o.tenant_id = tenant and not o.topic = any (topics) and not exists (
        select from mayfly_private.listeners l where l.tenant_id = o.tenant_id and l.topic = o.topic)
      limit 100 for update skip locked);
  end if;
  if not mayfly_private.is_flushed() and exists (select from mayfly_private.nudges_due d where d.tenant_id = tenant) then
    perform mayfly_private.flush_nudges(tenant);
  end if;

  return jsonb_build_object(
    'seconds', 60,
    'log', case when of_log then coalesce((
      select max(e.id)
      from (select n.id, n.audience, n.type from mayfly.events n where n.tenant_id = tenant order by n.xid desc, n.id desc limit 200) e
      where e.type = any (kinds) and (e.audience is null or e.audience = own or e.type = any (open_kinds))), 0) end,
    'inbox', case when of_messages then coalesce((
      select b.last_seq from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = caller.id), 0) end,
    'channels', readable);
end
$$;

comment on function mayfly_private.listen is 'Leases topics, and returns their newest numbers.';
grant execute on function mayfly_private.listen to authenticated, service_role;

create function mayfly.listen(log boolean default false, channels text[] default '{}', lost integer default 0)
returns jsonb
language sql
set search_path = ''
return mayfly_private.listen(log, channels, lost);

comment on function mayfly.listen is
  'Leases the nudges of the log and of channels for 60 s. Returns { seconds, log, inbox, channels: {name: number} }, with the newest number of each.';
grant execute on function mayfly.listen to authenticated, service_role;
