-- Starts a run. With a lease, the job of the lease waits for the new run, which is started once for each key. Locks
-- what insert_jobs locks, and the job of the lease.

create function mayfly_private.start_run(agent text, input text, limits jsonb, key text, lease text, priority integer, forked_from uuid, forked_at integer, trace text, attributes jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid;
  above mayfly.jobs;
  fault record;
  added jsonb;
  size integer;
begin
  select q.field, q.rule into fault
  from (values
    ('agent', coalesce(agent !~ '^[a-z0-9][a-z0-9_.-]{0,62}$', true), 'the name of an agent: lower-case letters, digits, dots, dashes'),
    ('input', input is not null and not coalesce(pg_input_is_valid(input, 'json') and octet_length(input) <= 262144, false), 'at most 256 KB of JSON'),
    ('limits', jsonb_typeof(limits) is distinct from 'object' or not mayfly_private.number_within(limits -> 'steps', 1, 10000, true)
      or not mayfly_private.number_within(limits -> 'seconds', 1, 31536000) or not mayfly_private.number_within(limits -> 'tokens', 1, 1e12, true)
      or not mayfly_private.number_within(limits -> 'usd', 0, 1e9), '{ steps?, seconds?, tokens?, usd? }'),
    ('key', char_length(key) not between 1 and 150, 'a text of 1 to 150 characters'),
    ('priority', priority not between -32768 and 32767, 'a whole number from -32768 to 32767'),
    ('trace', char_length(trace) > 500, 'a text of at most 500 characters')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), 'Nothing was started.', jsonb_build_object('field', fault.field));
  end if;
  perform mayfly_private.check_attributes(attributes, 'attributes');
  if lease is null then
    tenant := mayfly_private.require_tenant('run:write');
  else
    above := mayfly_private.fence_job(lease);
    tenant := above.tenant_id;
  end if;
  added := mayfly_private.insert_jobs(tenant, jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'run:' || agent, 'max_attempts', 20,
    'key', 'run/' || coalesce(above.id || '/', '') || key, 'priority', priority, 'trace', trace, 'attributes', attributes))), mayfly_private.caller_id(), above.id, coalesce(above.root_id, above.id)) -> 0;
  if not (added ->> 'existing')::boolean then
    size := 1024 + coalesce(octet_length(input), 0);
    perform mayfly_private.charge(tenant, 0, size, 1);
    insert into mayfly.runs (tenant_id, id, agent, input, limits, forked_from, forked_at, parent_id, created_by, created_at, bytes)
    values (tenant, (added ->> 'id')::uuid, agent, input::json, limits, forked_from, forked_at, above.id, mayfly_private.caller_id(), mayfly_private.now(), size);
    if limits ? 'usd' or limits ? 'tokens' then
      insert into mayfly.budgets (tenant_id, level, subject, hard_usd, hard_tokens, period_start)
      values (tenant, 'run', added ->> 'id', (limits ->> 'usd')::numeric, (limits ->> 'tokens')::numeric, mayfly_private.now());
    end if;
    perform mayfly_private.append_events(tenant, 'run.started', array[(added ->> 'id')::uuid]);
  end if;
  return added;
end
$$;

comment on function mayfly_private.start_run is 'Starts a run.';
grant execute on function mayfly_private.start_run to authenticated, service_role;

-- Starts a run of an agent (scope run:write). The run is a job that a worker with this agent claims. `input` is a text
-- of JSON. If a run with the same key exists, that run is returned. If a worker passes its lease, the worker's own run
-- waits for the end of the new one. `trace` is the trace context (W3C traceparent) that the worker continues.
-- `attributes` are those of its job, by which the run is found.

create function mayfly.start_run(agent text, input text default null, limits jsonb default '{}', key text default null, lease text default null, priority integer default 0, trace text default null,
  attributes jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.start_run(agent, input, limits, key, lease, priority, null, null, trace, attributes);
end
$$;

comment on function mayfly.start_run is 'Starts a run of an agent: { id, existing }.';
grant execute on function mayfly.start_run to authenticated, service_role;
