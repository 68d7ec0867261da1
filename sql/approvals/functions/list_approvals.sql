-- Lists approvals. It is a definer, because whether the caller may decide an approval depends on agents' ancestors,
-- which the caller may not be able to see. Locks nothing.

create function mayfly_private.list_approvals(of_status text[], mine boolean, of_category text, before uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
  caller constant mayfly_private.caller := mayfly_private.caller();
  can_decide constant boolean := tenant = any (mayfly_private.tenant_ids('approval:decide'));
  last mayfly.approvals;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{pending,approved,rejected,expired,cancelled}' then
    perform mayfly_private.fail(400, 'invalid_request', 'of_status must be one or more of pending, approved, rejected, expired and cancelled.', null, '{"field": "of_status"}');
  end if;
  if before is not null then
    select * into last from mayfly.approvals a where a.tenant_id = tenant and a.id = before;
    if not found then
      perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', 'Start with the first page again.', '{"field": "before"}');
    end if;
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_approval(s.a) - 'input_schema' || jsonb_build_object('decidable', s.decidable)
      order by (s.a).created_at desc, (s.a).id desc), '[]')
    from (
      select a, r.decidable
      from mayfly.approvals a, lateral (
        select can_decide and a.status = 'pending' and (a.expires_at is null or a.expires_at > mayfly_private.now())
          and mayfly_private.may_decide(caller, a) is null
          and not exists (
            select from mayfly.approval_decisions d
            where d.tenant_id = tenant and d.approval_id = a.id and d.digest = a.digest
              and d.decided_by = coalesce(caller.id, '00000000-0000-0000-0000-000000000000'))
          and (a.job_id is null or exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = a.job_id)) as decidable) r
      where a.tenant_id = tenant
        and (of_status is null or a.status = any (of_status))
        and (of_category is null or a.category = of_category)
        and (before is null or (a.created_at, a.id) < (last.created_at, last.id))
        and (not mine or (a.status = 'pending' and r.decidable))
      order by a.created_at desc, a.id desc
      limit page_limit) s);
end
$$;

comment on function mayfly_private.list_approvals is 'Approvals, the newest first.';
grant execute on function mayfly_private.list_approvals to authenticated, service_role;

-- Approvals, newest first (scope approval:read), each with `decidable`, which is true if the caller may decide it now.
-- With `mine`, only approvals that the caller may decide.

create function mayfly.list_approvals(
  of_status text[] default null, mine boolean default false, of_category text default null, before uuid default null, page_limit integer default 100
)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_approvals(of_status, mine, of_category, before, page_limit);

comment on function mayfly.list_approvals is 'Approvals, newest first, each with whether the caller may decide it. With mine, only those that the caller may decide.';
grant execute on function mayfly.list_approvals to authenticated, service_role;
