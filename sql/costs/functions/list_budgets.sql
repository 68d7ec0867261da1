-- The budgets of the tenant: its own and those of teams, then those of agents, and then those of runs, newest run
-- first. For callers with cost:read. Locks nothing.

create function mayfly.list_budgets(of_level text default null, page_limit integer default 1000)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_budget(b)), '[]')
    from (
      select b.* from mayfly.budgets b
      where b.tenant_id = tenant and (of_level is null or b.level = of_level)
      order by b.level = 'run', b.level = 'agent', case when b.level = 'run' then b.subject end desc, b.subject
      limit page_limit) b);
end
$$;

comment on function mayfly.list_budgets is 'The budgets of the tenant, with what was spent and what is held.';
grant execute on function mayfly.list_budgets to authenticated, service_role;
