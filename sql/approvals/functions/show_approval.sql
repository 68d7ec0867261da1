-- An approval in the form that callers get. It has the digest that a decision must pass.

create function mayfly_private.show_approval(approval mayfly.approvals)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(approval) - '{tenant_id,digest,bytes,requester_decides,used_at,notify}'::text[]
  || jsonb_build_object('digest', encode(approval.digest, 'hex'));

comment on function mayfly_private.show_approval is 'An approval in the form that callers get.';
grant execute on function mayfly_private.show_approval to authenticated, service_role;
