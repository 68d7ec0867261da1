-- A kind of job in the form that readers get, without its schema. The name of a workflow's jobs says which workflow and
-- which version it is, and that of a run's jobs which agent.

create function mayfly_private.show_job_kind(kind mayfly.job_kinds)
returns jsonb
language sql immutable
set search_path = ''
return jsonb_build_object(
  'name', kind.name,
  'type', case when kind.name like 'workflow:%:%' then 'workflow' when kind.name like 'run:_%' then 'agent' else 'job' end,
  'title', case when kind.name like 'workflow:%:%' then split_part(kind.name, ':', 2) when kind.name like 'run:_%' then substr(kind.name, 5) else kind.name end,
  'version', case when kind.name like 'workflow:%:%' then split_part(kind.name, ':', 3) end,
  'description', kind.description,
  'has_schema', kind.input_schema is not null,
  'published_at', kind.published_at,
  'published_by', kind.published_by);

comment on function mayfly_private.show_job_kind is 'A kind of job in the form that readers get.';
grant execute on function mayfly_private.show_job_kind to authenticated, service_role;
