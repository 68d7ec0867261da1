-- Stores the context of a run. Locks the job and the run.

create function mayfly_private.record_run_context(lease text, context text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
begin
  if not coalesce(pg_input_is_valid(context, 'json') and octet_length(context) <= 262144, false) then
    perform mayfly_private.fail(400, 'invalid_request', 'context must be at most 256 KB of JSON.', null, '{"field": "context"}');
  end if;
  run := mayfly_private.held_run(lease);
  if run.context is null then
    perform mayfly_private.charge(run.tenant_id, 0, octet_length(context), 1);
    update mayfly.runs r set context = record_run_context.context::json, bytes = r.bytes + octet_length(record_run_context.context)
    where r.tenant_id = run.tenant_id and r.id = run.id;
  end if;
  return jsonb_build_object('context', coalesce(run.context::text, context));
end
$$;

comment on function mayfly_private.record_run_context is 'Records what was recalled for a run.';
grant execute on function mayfly_private.record_run_context to authenticated, service_role;

-- Records once what was recalled before the first step. Returns what is recorded.

create function mayfly.record_run_context(lease text, context text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.record_run_context(lease, context);
end
$$;

comment on function mayfly.record_run_context is 'Records what was recalled for a run, once: { context }.';
grant execute on function mayfly.record_run_context to authenticated, service_role;
