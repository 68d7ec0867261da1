-- The card of an agent with its children, their children, and so on. Of siblings, the oldest comes first. The tenant's
-- max_depth limits how deep a tree can be. Called by agent_tree, as owner, for agents that the caller may see.

create function mayfly_private.subtree(root mayfly.agents, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.card(root) || jsonb_build_object('children', (
    select coalesce(jsonb_agg(mayfly_private.subtree(c, living) order by c.spawned_at, c.id), '[]')
    from mayfly.agents c
    where c.tenant_id = root.tenant_id and c.parent_id = root.id
      and (not living or mayfly_private.effective_status(c) in ('running', 'suspended'))));
end
$$;

comment on function mayfly_private.subtree is 'An agent''s card with its children as a tree.';
