-- Deletes ended runs of a tenant after the time in the settings, except those that a fork reads. Deletes at most
-- max_rows, and returns { more }. It is a chore, which maintain_tenant calls as owner.

create function mayfly_private.maintain_runs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  old uuid[];
  freed bigint;
  more bigint;
begin
  old := array(
    select r.id from mayfly.runs r
    where r.tenant_id = tenant and r.ended_at < mayfly_private.now() - mayfly_private.kept()
      and not exists (select from mayfly.runs f where f.tenant_id = tenant and f.forked_from = r.id)
    order by r.ended_at limit least(max_rows, 100) for update skip locked);
  if cardinality(old) = 0 then
    return '{"more": false}';
  end if;
  select coalesce((select sum(r.bytes) from mayfly.runs r where r.tenant_id = tenant and r.id = any (old)), 0)
    + coalesce((select sum(c.bytes) from mayfly.run_model_calls c where c.tenant_id = tenant and c.run_id = any (old)), 0)
    + coalesce((select sum(c.bytes) from mayfly.run_tool_calls c where c.tenant_id = tenant and c.run_id = any (old)), 0)
    + coalesce((select sum(c.bytes) from mayfly.run_chunks c where c.tenant_id = tenant and c.run_id = any (old)), 0)
  into freed;
  delete from mayfly.runs r where r.tenant_id = tenant and r.id = any (old);
  -- Attributes whose job is still there are deleted with the job.
  with gone as (delete from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = any (old) and a.kept returning a.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  perform mayfly_private.count_usage(tenant, 0, -(freed + more), 0);
  return jsonb_build_object('more', cardinality(old) = least(max_rows, 100));
end
$$;

comment on function mayfly_private.maintain_runs is 'One batch of maintenance of runs.';
