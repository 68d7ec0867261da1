-- Ends teams that the caller has locked. All living members end in one statement, which also ends their leases and
-- obligations, and open tenders are withdrawn. Polls need nothing here. They close by themselves, because they do not
-- wait for dead voters. Locks the agents, then what their ending locks, then the tenders.

create function mayfly_private.end_teams(tenant uuid, ids uuid[], reason text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  withdrawn uuid[];
begin
  update mayfly.teams t set status = 'ended', ended_at = ts, end_reason = reason where t.tenant_id = tenant and t.id = any (ids);
  update mayfly.agents a set status = 'stopped', stopped_at = ts, stop_reason = coalesce(reason, 'team ended')
  where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.id in (
    select o.id from mayfly.team_members m
    join mayfly.agents o on o.tenant_id = m.tenant_id and o.id = m.agent_id
    where m.tenant_id = tenant and m.team_id = any (ids) and o.status in ('running', 'suspended')
    order by o.id
    for no key update of o);
  with gone as (
    update mayfly.tenders d set status = 'cancelled', closed_at = ts
    where d.tenant_id = tenant and d.id in (
      -- If a tender is being awarded, its row is locked, and the award waits for an agent. The award then finds no
      -- living member, and fails.
      select o.id from mayfly.tenders o
      where o.tenant_id = tenant and o.team_id = any (ids) and o.status = 'open' order by o.id for no key update skip locked)
    returning d.id)
  select array_agg(g.id order by g.id) into withdrawn from gone g;
  delete from mayfly_private.sealed_bids b where b.tenant_id = tenant and b.tender_id = any (withdrawn);
  perform mayfly_private.append_events(tenant, 'tender.cancelled', withdrawn);
  perform mayfly_private.append_events(tenant, 'team.ended', ids);
end
$$;

comment on function mayfly_private.end_teams is 'Ends locked teams with their members.';
