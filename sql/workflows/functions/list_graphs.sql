-- The workflows that are declared as graphs, by name, the newest version first. At most 1,000. For callers with
-- job:read. Locks nothing.

create function mayfly.list_graphs(of_name text default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('name', o.name, 'version', o.version, 'steps', o.steps, 'set_at', o.set_at) order by o.name, o.set_at desc), '[]')
    from (
      select g.name, g.version, g.set_at, (select count(*) from jsonb_object_keys(g.graph -> 'steps')) as steps
      from mayfly.workflow_graphs g
      where g.tenant_id = tenant and (of_name is null or g.name = of_name)
      order by g.name, g.set_at desc limit 1000) o);
end
$$;

comment on function mayfly.list_graphs is 'The workflows that are declared as graphs: [{ name, version, steps, set_at }].';
grant execute on function mayfly.list_graphs to authenticated, service_role;
