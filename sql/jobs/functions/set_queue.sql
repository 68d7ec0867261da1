-- Stores the limits of a queue. Locks the queue's row.

create function mayfly_private.set_queue(
  name text, paused boolean, max_running integer, max_running_per_group integer, rate double precision, weight integer
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  fault record;
  queue mayfly.job_queues;
begin
  select q.field, q.rule into fault
  from (values
    ('name', coalesce(name !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', true), '1 to 100 letters, digits, dots, colons, dashes or underscores'),
    ('max_running', max_running not between 1 and 100000, 'a whole number from 1 to 100000'),
    ('max_running_per_group', max_running_per_group not between 1 and 100000, 'a whole number from 1 to 100000'),
    ('rate', rate is not null and not (rate > 0 and rate <= 1000000), 'jobs a second, up to 1000000'),
    ('weight', weight not between 1 and 100, 'a whole number from 1 to 100')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.job_queues q where q.tenant_id = tenant and q.name <> set_queue.name) >= 1000 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant can set limits for at most 1000 queues.', null, '{"quota": "queues", "limit": 1000}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.job_queues as q (tenant_id, name, paused, max_running, max_running_per_group, rate, weight, tokens)
  values (tenant, set_queue.name, coalesce(set_queue.paused, false), set_queue.max_running, set_queue.max_running_per_group, set_queue.rate,
    coalesce(set_queue.weight, 1), greatest(coalesce(set_queue.rate, 0), 1))
  on conflict on constraint job_queues_pkey do update
  set paused = excluded.paused, max_running = excluded.max_running, max_running_per_group = excluded.max_running_per_group,
    rate = excluded.rate, weight = excluded.weight, tokens = least(q.tokens, excluded.tokens), updated_at = mayfly_private.now()
  returning * into queue;
  if not queue.paused then
    perform mayfly_private.wake_workers(tenant);
  end if;
  return to_jsonb(queue) - '{tenant_id,tokens,filled_at}'::text[];
end
$$;

comment on function mayfly_private.set_queue is 'Sets the limits of a queue.';
grant execute on function mayfly_private.set_queue to authenticated, service_role;

-- Sets all limits of a queue. A limit that you leave out is removed. Scope job:admin.

create function mayfly.set_queue(
  name text, paused boolean default false, max_running integer default null, max_running_per_group integer default null,
  rate double precision default null, weight integer default 1
)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_queue(name, paused, max_running, max_running_per_group, rate, weight);
end
$$;

comment on function mayfly.set_queue is
  'Sets the limits of a queue: whether it is paused, its weight, and how many jobs may run at once, run at once in one group, and begin in a second. Returns the queue.';
grant execute on function mayfly.set_queue to authenticated, service_role;
