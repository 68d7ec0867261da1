-- Stores a policy. Locks the policy's row.

create function mayfly_private.set_approval_policy(
  agent_type text, category text, autonomy text, min_confidence double precision, quorum integer, roles text[], requester_decides boolean,
  expires_in double precision, escalate_after double precision, escalation_roles text[], notify text
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:admin');
  fault record;
  policy mayfly.approval_policies;
begin
  select q.field, q.rule into fault
  from (values
    ('agent_type', coalesce(agent_type !~ '^(\*|[a-z0-9][a-z0-9_.-]{0,62})$', true), 'the name of an agent type, or *'),
    ('category', coalesce(category !~ '^(\*|[A-Za-z0-9][A-Za-z0-9_.:-]{0,99})$', true), 'the name of a category, or *'),
    ('autonomy', autonomy is null or autonomy not in ('ask', 'milestones', 'none'), 'ask, milestones or none'),
    ('min_confidence', min_confidence is not null and not (min_confidence between 0 and 1), 'from 0 to 1'),
    ('quorum', quorum is null or quorum not between 1 and 20, 'a whole number from 1 to 20'),
    ('roles', not roles <@ '{agent,member,admin,owner}', 'some of agent, member, admin and owner'),
    ('escalation_roles', not escalation_roles <@ '{agent,member,admin,owner}', 'some of agent, member, admin and owner'),
    ('expires_in', expires_in is not null and not (expires_in between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('escalate_after', escalate_after is not null and not (escalate_after between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('notify', notify !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', 'the name of a job')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.approval_policies p
    where p.tenant_id = tenant and (p.agent_type, p.category) <> (set_approval_policy.agent_type, set_approval_policy.category)) >= 200 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 200 approval policies.', null, '{"quota": "approval_policies", "limit": 200}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.approval_policies (tenant_id, agent_type, category, autonomy, min_confidence, quorum, roles, requester_decides, expires_in,
    escalate_after, escalation_roles, notify, updated_at)
  values (tenant, agent_type, category, autonomy, min_confidence, quorum, roles, coalesce(requester_decides, false),
    make_interval(secs => expires_in), make_interval(secs => escalate_after), escalation_roles, notify, mayfly_private.now())
  on conflict on constraint approval_policies_pkey do update
  set autonomy = excluded.autonomy, min_confidence = excluded.min_confidence, quorum = excluded.quorum, roles = excluded.roles,
    requester_decides = excluded.requester_decides, expires_in = excluded.expires_in, escalate_after = excluded.escalate_after,
    escalation_roles = excluded.escalation_roles, notify = excluded.notify, updated_at = excluded.updated_at
  returning * into policy;
  return mayfly_private.show_approval_policy(policy);
end
$$;

comment on function mayfly_private.set_approval_policy is 'Sets what needs an approval.';
grant execute on function mayfly_private.set_approval_policy to authenticated, service_role;

-- Sets the policy for an agent type and a category (scope approval:admin). The new policy replaces the old one. '*'
-- stands for all types or categories.

create function mayfly.set_approval_policy(
  agent_type text default '*', category text default '*', autonomy text default 'ask', min_confidence double precision default null,
  quorum integer default 1, roles text[] default null, requester_decides boolean default false, expires_in double precision default null,
  escalate_after double precision default null, escalation_roles text[] default null, notify text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_approval_policy(agent_type, category, autonomy, min_confidence, quorum, roles, requester_decides, expires_in, escalate_after, escalation_roles, notify);

comment on function mayfly.set_approval_policy is 'Sets what needs an approval for an agent type and a category: autonomy, confidence, quorum, roles, times, and the job that notifies people. Returns it.';
grant execute on function mayfly.set_approval_policy to authenticated, service_role;
