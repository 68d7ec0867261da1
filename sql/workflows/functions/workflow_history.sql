-- The checkpoints that a workflow, or any job, has recorded, in order, one page at a time. `seq` counts the checkpoints
-- of this job from 1. (The column `seq` counts the checkpoints of all jobs.) For callers with job:read. Locks nothing.

create function mayfly.workflow_history(id uuid, after bigint default 0, page_limit integer default 1000)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  answer jsonb;
begin
  if page_limit is null or page_limit not between 1 and 5000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 5000.', null, '{"field": "page_limit"}');
  elsif not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = workflow_history.id)
    and not exists (select from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = workflow_history.id) then
    perform mayfly_private.fail(404, 'workflow_unknown', 'There is no such workflow.', 'List the existing ones.', '{"field": "id"}');
  end if;
  -- A page ends when the sum of the sizes reaches 4 MB.
  select jsonb_build_object(
      'checkpoints', coalesce(jsonb_agg(jsonb_build_object('seq', p.seq, 'name', p.name, 'result', p.result, 'attempt', p.attempt,
        'ms', p.ms, 'at', p.at) order by p.seq), '[]'),
      'more', count(*) = page_limit or bool_or(p.later > 0))
  into answer
  from (
    select s.*, count(*) filter (where s.before >= 4000000) over () as later
    from (
      select a.*, sum(a.bytes) over (order by a.seq) - a.bytes as before
      from (
        select * from (
          select row_number() over (order by o.seq) as seq, o.name, o.result, o.attempt, o.ms, o.at, o.bytes from mayfly.job_steps o
          where o.tenant_id = tenant and o.job_id = workflow_history.id) n
        where n.seq > after
        order by n.seq limit page_limit) a) s) p
  where p.before < 4000000;
  return jsonb_set(answer, '{more}', coalesce(nullif(answer -> 'more', 'null'), 'false'));
end
$$;

comment on function mayfly.workflow_history is 'The checkpoints of a workflow, in order: { checkpoints, more }. Pass the last seq as after for the next page.';
grant execute on function mayfly.workflow_history to authenticated, service_role;
