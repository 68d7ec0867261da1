-- When the first of these agents ends, or null if one of them does not exist or is not alive. `line` is an agent with
-- its ancestors. Called after the caller has locked them (claiming_worker, deliver_job). It is volatile, so that it sees
-- everything that was committed before these locks. Agents are read by ranges of ids for the reason in
-- living_agent_of_token. Locks nothing.

create function mayfly_private.line_end(tenant uuid, line uuid[])
returns timestamptz
language plpgsql security definer
set search_path = ''
as $$
begin
  return (
    select case when count(*) = cardinality(line) and bool_and(o.status = 'running' and o.expires_at > mayfly_private.now())
      then min(o.expires_at) end
    from unnest(line) i
    cross join lateral (
      select a.status, a.expires_at from mayfly.agents a
      where a.tenant_id = tenant and a.id between i and i
      order by a.id limit 1) o);
end
$$;

comment on function mayfly_private.line_end is 'When an agent or the first of its ancestors ends. Null if one of them is not alive.';
