-- Finds up to 50 agents of a tenant whose life is over, and marks them as dead. It is a chore, which maintain_tenant
-- calls. Locks the agents that it marks, and skips agents whose rows others have locked.

create function mayfly_private.maintain_agents(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  marked constant integer := mayfly_private.reap(tenant);
begin
  return jsonb_build_object('agents', marked, 'more', marked = 50);
end
$$;

comment on function mayfly_private.maintain_agents is 'One batch of marking a tenant''s dead agents.';
