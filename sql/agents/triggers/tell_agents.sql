-- Tells agents and their descendants, on their inbox topics, that they were stopped or suspended, so that their SDKs
-- leave every channel at once. Runs as the owner, because nobody else sends there. Like every broadcast, this is only a
-- hint: what ends an agent is its row. It sends as many of these broadcasts immediately as the tenant's rate allows, to
-- the highest agents in the tree first. The others become due.

create function mayfly_private.tell_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
  said bigint;
begin
  for ended in
    select n.tenant_id as tenant, array_agg(a.id order by a.depth, a.id) as ids,
      array_agg(jsonb_build_object('status', n.status,
        'reason', case when a.id = n.id then coalesce(n.stop_reason, n.suspend_reason) else 'ancestor ' || n.status end)
        order by a.depth, a.id) as payloads
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    join mayfly.agents a on a.tenant_id = n.tenant_id and (a.id = n.id or a.ancestors @> array[n.id])
    where n.status in ('stopped', 'suspended') and o.status = 'running'
      and (a.id = n.id or (a.status = 'running' and a.expires_at > (select mayfly_private.now())))
    group by n.tenant_id
  loop
    -- This is one statement, because realtime.send is a subtransaction for each row, which made stopping an agent with
    -- 500 children eleven times as slow as stopping an agent without children.
    with told as (
      select format('tenant:%s:agent:%s', ended.tenant, e.id) as topic, e.payload, e.n, allowed
      from unnest(ended.ids, ended.payloads) with ordinality as e (id, payload, n),
        mayfly_private.may_tell(ended.tenant, cardinality(ended.ids)) allowed
    ), due as (
      insert into mayfly_private.nudges_due (tenant_id, topic, event)
      select ended.tenant, t.topic, 'control' from told t where t.n > t.allowed
    ), broadcast as (
      insert into realtime.messages (payload, event, topic, private, extension)
      select t.payload, 'control', t.topic, true, 'broadcast' from told t where t.n <= t.allowed
    )
    select count(mayfly_private.notify(t.topic, 'control', t.payload)) into said from told t where t.n <= t.allowed;
  end loop;
  return null;
exception when others then
  -- As in realtime.send, a failure is only a warning, because stopping an agent must not depend on a
  -- broadcast.
  raise warning 'Agents could not be told of their end: %', sqlerrm;
  return null;
end
$$;

comment on function mayfly_private.tell_agents is 'Trigger: tells agents that they were stopped or suspended.';

create trigger agents_tell after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.tell_agents();
