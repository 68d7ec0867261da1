-- Writes to the log what happened to rows of one tenant, as ids, and announces the events to readers. This function is
-- for rooms whose functions know what happened. In a table where every change of a row is an event, a trigger does this
-- instead. Locks what nudge locks.

create function mayfly_private.append_events(tenant uuid, happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  -- The agent is not looked up in the tables, because a writer under a lease has already been checked. An agent of
  -- another tenant is not named, because it only fired a schedule or took back a lease in passing.
  agent constant uuid := case when claims ->> 'iss' = 'mayfly' and claims -> 'mayfly' ->> 'tenant' = tenant::text
    then mayfly_private.to_uuid(claims ->> 'sub') end;
begin
  if cardinality(ids) > 0 then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select tenant, of_epoch, happened, agent, i.id from unnest(ids) with ordinality as i (id, n) order by i.n;
    perform mayfly_private.nudge_topic(tenant, format('tenant:%s:log', tenant));
  end if;
end
$$;

comment on function mayfly_private.append_events is 'Appends what happened to things of one tenant to the log.';

-- Writes events in the same way, but for rows of several tenants: `tenants` has one tenant for each row.

create function mayfly_private.append_events_of(tenants uuid[], happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  named constant text := case when claims ->> 'iss' = 'mayfly' then claims -> 'mayfly' ->> 'tenant' end;
begin
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
  select t.tenant_id, of_epoch, happened, case when t.tenant_id::text = named then mayfly_private.to_uuid(claims ->> 'sub') end, t.id
  from unnest(tenants, ids) with ordinality as t (tenant_id, id, n) order by t.n;
  perform mayfly_private.nudge_tenants(array(select distinct t from unnest(tenants) t order by t));
end
$$;

comment on function mayfly_private.append_events_of is 'Appends what happened to things of several tenants to the log.';
