-- The payload of a due broadcast, which tells an agent that it was stopped or suspended. Null if the agent was resumed
-- meanwhile. Called by flush_nudges, for agents that could not be told at once.

create function mayfly_private.control_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('status', a.status, 'reason', a.reason)
    from (
      select mayfly_private.effective_status(e) as status,
        coalesce(e.stop_reason, e.suspend_reason, 'ancestor ' || mayfly_private.effective_status(e)) as reason
      from mayfly.agents e
      where e.tenant_id = tenant and e.id = mayfly_private.to_uuid(split_part(topic, ':', 4))
    ) a
    where a.status <> 'running');
end
$$;

comment on function mayfly_private.control_nudge is 'A due broadcast: an agent was stopped or suspended.';
