-- A job with its failed attempts, its waiting signals, and the first 1,000 of its steps and of its children. For
-- callers with job:read. Locks nothing.

create function mayfly.get_job(id uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  job jsonb;
begin
  select to_jsonb(j) - '{tenant_id,lane,seq,bytes,holder,lease_end}'::text[] || jsonb_build_object('holder', j.holder, 'lease_end', j.lease_end) into job
  from mayfly.jobs j where j.tenant_id = tenant and j.id = get_job.id;
  if not found then
    select to_jsonb(f) - '{tenant_id,lane,bytes}'::text[] into job from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = get_job.id;
  end if;
  if job is null then
    perform mayfly_private.fail(404, 'job_unknown', 'There is no such job.', null, '{"field": "id"}');
  end if;
  return jsonb_strip_nulls(job - '{input,result}'::text[])
    || jsonb_strip_nulls(jsonb_build_object('attributes', (
      select a.attributes from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = get_job.id)))
    || jsonb_build_object('input', job -> 'input', 'result', job -> 'result',
      'timeout', (select extract(epoch from (job ->> 'timeout')::interval)),
      'steps', (
        select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'result', s.result, 'attempt', s.attempt, 'ms', s.ms, 'at', s.at) order by s.at, s.name), '[]')
        from (
          select * from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = get_job.id order by s.at limit 1000) s),
      'attempts', (
        select coalesce(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'holder', a.holder, 'started_at', a.started_at,
          'ended_at', a.ended_at, 'error', a.error) order by a.attempt), '[]')
        from mayfly.job_attempts a where a.tenant_id = tenant and a.job_id = get_job.id),
      'signals', (
        select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'at', s.at) order by s.id), '[]')
        from mayfly.job_signals s where s.tenant_id = tenant and s.job_id = get_job.id),
      'children', (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'name', c.name, 'status', c.status, 'key', c.key)) order by c.id), '[]')
        from (
          select j.id, j.name, j.status, j.key from mayfly.jobs j where j.tenant_id = tenant and j.parent_id = get_job.id
          union all
          select f.id, f.name, f.status, f.key from mayfly.finished_jobs f where f.tenant_id = tenant and f.parent_id = get_job.id
          order by id limit 1000) c));
end
$$;

comment on function mayfly.get_job is 'A job with its steps, failed attempts, signals and children.';
grant execute on function mayfly.get_job to authenticated, service_role;
