-- The threads of the tenant, by name, one page at a time. Scope thread:read. Runs as the caller. Locks nothing.

create function mayfly.list_threads(prefix text default '', after text default null, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.refuse_thread('page_limit', '1 to 1000');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(page) order by page.name), '[]')
    from (
      select t.name, t.bytes, t.created_at, t.updated_at, t.expires_at
      from mayfly.threads t
      where t.tenant_id = tenant and starts_with(t.name, coalesce(prefix, '')) and t.name > coalesce(after, '')
        and (t.expires_at is null or t.expires_at > mayfly_private.now())
      order by t.name
      limit page_limit) page);
end
$$;

comment on function mayfly.list_threads is 'The threads of the tenant, by name. Pass the last name as after for the next page.';
grant execute on function mayfly.list_threads to authenticated, service_role;
