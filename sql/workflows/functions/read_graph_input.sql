-- Reads the input of a step. It is a definer, because the worker may lack job:read. The lease must be the caller's.
-- Locks the job (see fence_job).

create function mayfly_private.read_graph_input(lease text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  def jsonb;
  run mayfly.jobs;
  given jsonb;
begin
  select * into run from mayfly.jobs j where j.tenant_id = job.tenant_id and j.id = job.parent_id;
  select g.graph -> 'steps' -> split_part(job.name, ':', 4) into def
  from mayfly.workflow_graphs g
  where g.tenant_id = job.tenant_id and g.name = split_part(job.name, ':', 2) and g.version = split_part(job.name, ':', 3);
  if def is null or run.id is null then
    perform mayfly_private.fail(404, 'workflow_unknown', 'The job is not a step of a running graph.', null, '{"field": "lease"}');
  end if;
  given := mayfly_private.graph_given(job.tenant_id, run.id, run.input, mayfly_private.step_names(def -> 'needs') || mayfly_private.step_names(def -> 'optional'));
  if octet_length(given::text) > 8388608 then
    perform mayfly_private.fail(413, 'invalid_request', 'The input of this step has more than 8 MB.', 'Store large values elsewhere, and pass references to them.',
      '{"field": "needs"}');
  end if;
  return given;
end
$$;

comment on function mayfly_private.read_graph_input is 'The input of a held step of a graph.';
grant execute on function mayfly_private.read_graph_input to authenticated, service_role;

-- The input of a held step of a graph, if the input was too large for the step's job: { input, <step>: its result }.

create function mayfly.read_graph_input(lease text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.read_graph_input(lease);
end
$$;

comment on function mayfly.read_graph_input is 'The input of a held step of a graph: the input of the run, and the result of each step that it needs.';
grant execute on function mayfly.read_graph_input to authenticated, service_role;
