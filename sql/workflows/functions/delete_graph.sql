-- Deletes a graph. Locks the row.

create function mayfly_private.delete_graph(name text, version text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  freed bigint;
begin
  if exists (select from mayfly.jobs j where j.tenant_id = tenant and j.name = 'workflow:' || delete_graph.name || ':' || delete_graph.version) then
    perform mayfly_private.fail(409, 'workflow_changed', 'This version has open runs.', 'Cancel them, or wait until they have ended.', '{"field": "version"}');
  end if;
  delete from mayfly.workflow_graphs g
  where g.tenant_id = tenant and g.name = delete_graph.name and g.version = delete_graph.version
  returning g.bytes into freed;
  if freed > 0 then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('deleted', freed is not null);
end
$$;

comment on function mayfly_private.delete_graph is 'Deletes a graph.';
grant execute on function mayfly_private.delete_graph to authenticated, service_role;

-- Deletes a version of a graph that has no open runs (scope job:admin). Returns { deleted }.

create function mayfly.delete_graph(name text, version text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_graph(name, version);

comment on function mayfly.delete_graph is 'Deletes a version of a graph that has no open runs: { deleted }.';
grant execute on function mayfly.delete_graph to authenticated, service_role;
