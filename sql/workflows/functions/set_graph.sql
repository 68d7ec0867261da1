-- Stores a graph under its name and version, unless a graph is already stored there. Returns the stored graph. Charges
-- for a new graph. Locks the row.

create function mayfly_private.keep_graph(tenant uuid, name text, version text, graph jsonb)
returns mayfly.workflow_graphs
language plpgsql security definer
set search_path = ''
as $$
declare
  kept mayfly.workflow_graphs;
  size constant integer := 512 + octet_length(graph::text);
begin
  select * into kept from mayfly.workflow_graphs g where g.tenant_id = tenant and g.name = keep_graph.name and g.version = keep_graph.version;
  if not found then
    perform mayfly_private.check_graph(name, version, graph);
    insert into mayfly.workflow_graphs (tenant_id, name, version, graph, set_by, bytes)
    values (tenant, name, version, graph, mayfly_private.caller_id(), size)
    on conflict on constraint workflow_graphs_pkey do nothing
    returning * into kept;
    if found then
      perform mayfly_private.charge(tenant, 0, size, 1);
    else
      select * into kept from mayfly.workflow_graphs g where g.tenant_id = tenant and g.name = keep_graph.name and g.version = keep_graph.version;
    end if;
  end if;
  return kept;
end
$$;

comment on function mayfly_private.keep_graph is 'Stores a graph under its name and version unless there is one.';

-- Stores a graph. Locks the row.

create function mayfly_private.set_graph(name text, version text, graph jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  admin constant boolean := tenant = any (mayfly_private.tenant_ids('job:admin'));
  kept mayfly.workflow_graphs;
  size constant integer := 512 + octet_length(graph::text);
begin
  -- In most calls, the graph is already stored, so nothing has to be checked.
  select * into kept from mayfly.workflow_graphs g where g.tenant_id = tenant and g.name = set_graph.name and g.version = set_graph.version;
  if kept.graph is distinct from set_graph.graph or kept.graph is null then
    perform mayfly_private.check_graph(name, version, graph);
  end if;
  kept := mayfly_private.keep_graph(tenant, name, version, graph);
  if kept.graph <> set_graph.graph then
    perform from mayfly.workflow_graphs g
    where g.tenant_id = tenant and g.name = set_graph.name and g.version = set_graph.version for update;
    if not admin or exists (
      select from mayfly.jobs j where j.tenant_id = tenant and j.name = 'workflow:' || set_graph.name || ':' || set_graph.version) then
      perform mayfly_private.fail(409, 'workflow_changed', format('Version %s of the workflow %s is another graph.', version, name),
        case when admin then 'It has open runs. Give this graph another version, or wait until they have ended.'
          else 'Give this graph another version. Replacing one that has no open runs needs job:admin.' end, '{"field": "version"}');
    end if;
    perform mayfly_private.charge(tenant, 0, size - kept.bytes, 1);
    update mayfly.workflow_graphs g
    set graph = set_graph.graph, set_by = mayfly_private.caller_id(), set_at = mayfly_private.now(), bytes = size
    where g.tenant_id = tenant and g.name = set_graph.name and g.version = set_graph.version
    returning * into kept;
  end if;
  return jsonb_build_object('name', kept.name, 'version', kept.version, 'set_at', kept.set_at);
end
$$;

comment on function mayfly_private.set_graph is 'Defines a workflow as a graph.';
grant execute on function mayfly_private.set_graph to authenticated, service_role;

-- Defines a workflow as a graph, under a name and a version (scope job:add): { steps: { name: { needs,
-- optional, map, when, input, job, on_failure, options } }, result }. Defining the same graph again changes
-- nothing. Replacing the graph of a version needs job:admin, and that version must have no open runs.

create function mayfly.set_graph(name text, version text, graph jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_graph(name, version, graph);

comment on function mayfly.set_graph is 'Defines a workflow as a graph, and checks it for cycles and unknown steps: { name, version, set_at }.';
grant execute on function mayfly.set_graph to authenticated, service_role;
