-- A policy in the form that callers get, with times in seconds.

create function mayfly_private.show_approval_policy(policy mayfly.approval_policies)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(policy) - '{tenant_id}'::text[]
  || jsonb_build_object('expires_in', extract(epoch from policy.expires_in), 'escalate_after', extract(epoch from policy.escalate_after));

comment on function mayfly_private.show_approval_policy is 'A policy in the form that callers get.';
grant execute on function mayfly_private.show_approval_policy to authenticated, service_role;
