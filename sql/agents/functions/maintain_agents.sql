-- Marks up to 50 of a tenant's dead agents as such: a chore, called by maintain_tenant. Locks what it marks, passing by
-- the agents that others hold.

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
