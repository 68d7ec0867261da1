-- A workflow that is declared as a graph, by default its newest version. For callers with job:read. Locks
-- nothing.

create function mayfly.get_graph(name text, version text default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  answer jsonb;
begin
  select jsonb_build_object('name', g.name, 'version', g.version, 'graph', g.graph, 'set_by', g.set_by, 'set_at', g.set_at)
  into answer
  from mayfly.workflow_graphs g
  where g.tenant_id = tenant and g.name = get_graph.name and (get_graph.version is null or g.version = get_graph.version)
  order by g.set_at desc
  limit 1;
  if answer is null then
    perform mayfly_private.fail(404, 'workflow_unknown', 'There is no such graph.', 'List the existing ones.',
      jsonb_build_object('field', case when get_graph.version is null then 'name' else 'version' end));
  end if;
  return answer;
end
$$;

comment on function mayfly.get_graph is 'A workflow that is declared as a graph: { name, version, graph, set_by, set_at }. Without a version, the newest.';
grant execute on function mayfly.get_graph to authenticated, service_role;
