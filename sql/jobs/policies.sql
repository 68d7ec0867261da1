-- Who may see jobs, their results and what belongs to them.

alter table mayfly.jobs enable row level security;

alter table mayfly.finished_jobs enable row level security;

alter table mayfly.job_attributes enable row level security;

alter table mayfly.job_steps enable row level security;

alter table mayfly.job_attempts enable row level security;

alter table mayfly.job_signals enable row level security;

alter table mayfly.job_queues enable row level security;

alter table mayfly.job_schedules enable row level security;

alter table mayfly.job_kinds enable row level security;

grant select on mayfly.jobs to authenticated, service_role;

create policy jobs_select on mayfly.jobs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.finished_jobs to authenticated, service_role;

create policy finished_jobs_select on mayfly.finished_jobs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_attributes to authenticated, service_role;

create policy job_attributes_select on mayfly.job_attributes for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_steps to authenticated, service_role;

create policy job_steps_select on mayfly.job_steps for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_attempts to authenticated, service_role;

create policy job_attempts_select on mayfly.job_attempts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_signals to authenticated, service_role;

create policy job_signals_select on mayfly.job_signals for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_queues to authenticated, service_role;

create policy job_queues_select on mayfly.job_queues for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_schedules to authenticated, service_role;

create policy job_schedules_select on mayfly.job_schedules for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_kinds to authenticated, service_role;

create policy job_kinds_select on mayfly.job_kinds for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));
