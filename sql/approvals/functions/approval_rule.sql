-- The rule that says what needs an approval, for an agent type and a category. The rule is the tenant's most specific
-- policy that applies, or else the default: somebody is always asked, and everyone with the scope except the requester
-- may decide. Locks nothing.

create function mayfly_private.approval_rule(tenant uuid, agent_type text, category text)
returns mayfly.approval_policies
language plpgsql stable security definer
set search_path = ''
as $$
declare
  rule mayfly.approval_policies;
begin
  select * into rule from mayfly.approval_policies p
  where p.tenant_id = tenant and p.agent_type in ('*', approval_rule.agent_type) and p.category in ('*', approval_rule.category)
  order by p.agent_type = '*', p.category = '*'
  limit 1;
  if not found then
    rule.autonomy := 'ask';
    rule.quorum := 1;
    rule.requester_decides := false;
  end if;
  return rule;
end
$$;

comment on function mayfly_private.approval_rule is 'What needs an approval, for an agent type and a category.';
