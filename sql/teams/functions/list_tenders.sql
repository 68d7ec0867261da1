-- Lists tenders. It is a definer, because show_tender is private. Locks nothing, so a tender that is due is not
-- awarded.

create function mayfly_private.list_tenders(team_id uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_tender(r) order by r.created_at desc, r.id), '[]')
    from (
      select p.* from mayfly.tenders p
      where p.tenant_id = tenant and (list_tenders.team_id is null or p.team_id = list_tenders.team_id)
      order by p.created_at desc, p.id limit page_limit) r);
end
$$;

comment on function mayfly_private.list_tenders is 'Tenders, the newest first.';
grant execute on function mayfly_private.list_tenders to authenticated, service_role;

-- Tenders of a team, or of the tenant, newest first (scope team:read). Bids on open tenders are not shown.

create function mayfly.list_tenders(team_id uuid default null, page_limit integer default 100)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_tenders(team_id, page_limit);

comment on function mayfly.list_tenders is 'Tenders of a team, or of the tenant, newest first.';
grant execute on function mayfly.list_tenders to authenticated, service_role;
