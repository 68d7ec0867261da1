-- The agent that an agent's token names, as a caller. Null if the agent may no longer act. A token stops working at
-- once when its agent or one of the agent's ancestors is stopped, suspended or expired. Called by
-- mayfly_private.caller. Locks nothing.

create function mayfly_private.living_agent_of_token(claims jsonb, chosen text)
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  -- Read once, not for each agent that the statement looks at.
  tenant constant uuid := mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant');
  itself constant uuid := mayfly_private.to_uuid(claims ->> 'sub');
  found_caller mayfly_private.caller;
begin
  select 'agent', a.id, a.tenant_id, a.scopes, chosen, a.scopes
  into found_caller
  from mayfly.agents a
  where a.tenant_id = tenant and a.id = itself
    and a.tenant_id::text = coalesce(chosen, a.tenant_id::text)
    and not exists (
      select from mayfly.agents line
      where line.tenant_id = a.tenant_id
        and line.id = any (a.ancestors || a.id)
        and (line.status <> 'running' or line.expires_at <= instant));
  return case when found then found_caller end;
end
$$;

comment on function mayfly_private.living_agent_of_token is 'The agent that a token names. Null if the agent may no longer act.';
