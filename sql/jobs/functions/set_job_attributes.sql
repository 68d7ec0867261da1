-- Changes the attributes of a job. The lease must be the caller's. Locks the job, then what mayfly_private.charge locks.

create function mayfly_private.set_job_attributes(lease text, changes jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  job mayfly.jobs;
  former mayfly.job_attributes;
  merged jsonb;
  size integer;
begin
  perform mayfly_private.check_attributes(changes, 'changes');
  job := mayfly_private.fence_job(lease);
  select * into former from mayfly.job_attributes a where a.tenant_id = job.tenant_id and a.job_id = job.id;
  merged := jsonb_strip_nulls(coalesce(former.attributes, '{}') || coalesce(nullif(changes, 'null'), '{}'));
  if merged = coalesce(former.attributes, '{}') then
    return merged;
  elsif (select count(*) from jsonb_object_keys(merged)) > 16 then -- bounds: 16 attribute.names
    perform mayfly_private.fail(400, 'invalid_request', 'changes would give the job more than 16 attributes.', -- bounds: 16 attribute.names
      'Nothing was changed. To remove an attribute, set it to null.', '{"field": "changes"}');
  end if;
  size := case when merged = '{}' then 0 else 128 + octet_length(merged::text) end;
  perform mayfly_private.charge(job.tenant_id, 0, size - coalesce(former.bytes, 0), 1);
  if size = 0 then
    delete from mayfly.job_attributes a where a.tenant_id = job.tenant_id and a.job_id = job.id;
  else
    insert into mayfly.job_attributes (tenant_id, job_id, attributes, bytes)
    values (job.tenant_id, job.id, merged, size)
    on conflict on constraint job_attributes_pkey do update
    set attributes = excluded.attributes, bytes = excluded.bytes;
  end if;
  return merged;
end
$$;

comment on function mayfly_private.set_job_attributes is 'Changes the attributes of a job under its lease.';
grant execute on function mayfly_private.set_job_attributes to authenticated, service_role;

-- Merges `changes` into the attributes of a held job, and returns all of them. Null removes an attribute. Jobs,
-- workflows and runs of agents are found by their attributes (list_jobs, list_workflows, list_runs).

create function mayfly.set_job_attributes(lease text, changes jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_job_attributes(lease, changes);
end
$$;

comment on function mayfly.set_job_attributes is 'Merges changes into the attributes of a held job: {name: text | number | boolean | null}. Returns all attributes.';
grant execute on function mayfly.set_job_attributes to authenticated, service_role;
