-- The fields of a job that workflows show, with name and version taken from `workflow:<name>:<version>`. Locks
-- nothing.

create function mayfly_private.workflow_row(job jsonb)
returns jsonb
language sql immutable parallel safe
set search_path = ''
return jsonb_strip_nulls(jsonb_build_object(
  'id', job -> 'id', 'name', split_part(job ->> 'name', ':', 2), 'version', substr(job ->> 'name', length(split_part(job ->> 'name', ':', 2)) + 11),
  'status', job -> 'status', 'attempt', job -> 'attempt', 'key', job -> 'key', 'parent_id', job -> 'parent_id', 'holder', job -> 'holder',
  'created_by', job -> 'created_by', 'created_at', job -> 'created_at', 'started_at', job -> 'started_at', 'finished_at', job -> 'finished_at',
  'cancelled', nullif(job -> 'cancelled', 'false'), 'error', job -> 'error', 'attributes', job -> 'attributes',
  'wakes_at', case when job ->> 'status' in ('waiting', 'scheduled') and job ->> 'run_at' <> 'infinity' then job -> 'run_at' end,
  'waits_for', case when job ->> 'status' = 'waiting' then coalesce(nullif(job -> 'wait_for', 'null'), '[]') end));

comment on function mayfly_private.workflow_row is 'The fields of a job that workflows show.';
grant execute on function mayfly_private.workflow_row to authenticated, service_role;
