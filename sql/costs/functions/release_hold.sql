-- Gives back one hold. The caller has locked the hold and its budgets. The reserved amount of a budget never goes below
-- zero, because a budget that was deleted and set again meanwhile does not include the hold.

create function mayfly_private.release_hold(hold mayfly_private.cost_holds)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  update mayfly_private.cost_holds h set released_at = mayfly_private.now() where h.tenant_id = hold.tenant_id and h.id = hold.id;
  update mayfly.budgets b set held_usd = greatest(0, b.held_usd - hold.usd), held_tokens = greatest(0, b.held_tokens - hold.tokens)
  where b.tenant_id = hold.tenant_id and b.level = any (hold.levels) and mayfly_private.concerns(b, hold.tenant_id, hold.agent, hold.run_id, hold.groups);
end
$$;

comment on function mayfly_private.release_hold is 'Gives back one hold.';
