-- The progress of a workflow. For callers with job:read. To see its open approvals, a caller also needs approval:read.
-- Locks nothing.

create function mayfly.query_workflow(id uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  job jsonb;
begin
  select to_jsonb(j) into job from mayfly.jobs j where j.tenant_id = tenant and j.id = query_workflow.id and j.name like 'workflow:%';
  if not found then
    select to_jsonb(f) into job from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = query_workflow.id and f.name like 'workflow:%';
  end if;
  if job is null then
    perform mayfly_private.fail(404, 'workflow_unknown', 'There is no such workflow.', 'List the existing ones.', '{"field": "id"}');
  end if;
  return mayfly_private.workflow_row(job || jsonb_build_object('attributes', (
      select a.attributes from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = query_workflow.id))) || jsonb_build_object(
    'input', job -> 'input', 'result', job -> 'result',
    'report', (select s.result from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = query_workflow.id and s.name = 'report'),
    'steps', (select count(*) from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = query_workflow.id and s.name <> 'report'),
    'children', (
      select coalesce(jsonb_object_agg(c.status, c.n), '{}')
      from (
        select o.status, count(*) as n
        from (
          select j.status from mayfly.jobs j where j.tenant_id = tenant and j.parent_id = query_workflow.id
          union all
          select f.status from mayfly.finished_jobs f where f.tenant_id = tenant and f.parent_id = query_workflow.id) o
        group by o.status) c),
    'approvals', (
      select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'title', a.title, 'category', a.category) order by a.created_at), '[]')
      from mayfly.approvals a where a.tenant_id = tenant and a.job_id = query_workflow.id and a.status = 'pending'));
end
$$;

comment on function mayfly.query_workflow is 'The progress of a workflow: its report, its waits, its children and its open approvals.';
grant execute on function mayfly.query_workflow to authenticated, service_role;
