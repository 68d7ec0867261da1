-- How many debug broadcasts a second each watched agent of a tenant may send now. This is the project's debug_rate,
-- divided by the number of watched agents and, because Realtime counts each receiver, by the number of watchers plus 1.
-- The result is at least 0.2 and at most 10. Called as owner.
--
-- This is only the rate of live broadcasts. The limit on stored records is in append_debug. What an agent does with
-- records above the rate is in the SDK's buffer (sdk/src/debug/buffer.ts).

create function mayfly_private.debug_rate(tenant uuid)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select round(least(10, greatest(0.2, settings.debug_rate::numeric / greatest(1, case when leased.watch_all then listening.agents else leased.agents end)
    / (1 + leased.watchers))), 2)
  from mayfly_private.settings, (
    select count(*) as watchers, count(distinct l.agent_id) as agents, coalesce(bool_or(l.agent_id is null), false) as watch_all
    from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at > (select mayfly_private.now())
  ) leased, (
    select count(*) as agents
    from mayfly_private.debug_streams s
    join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
    where s.tenant_id = tenant and a.status = 'running' and a.expires_at > (select mayfly_private.now())
  ) listening
);

comment on function mayfly_private.debug_rate is 'How many debug broadcasts a second each watched agent may send.';
