-- The move itself, for end_jobs: says how many bytes the results have over 256, whether any has a parent, and whether
-- any answers a message. A function of its own for its settings: by nested loops, which callers may leave alone, each
-- result was compared with each job; whatever end_jobs calls besides must be free to use them.

create function mayfly_private.move_ended(
  tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[], out more bigint, out related boolean, out answering boolean
)
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_hashjoin = on
set enable_nestloop = off
as $$
begin
  with ended_as as materialized (
    select x.id, x.error, x.result, greatest(0, coalesce(octet_length(x.result::text), 0) - 256) as more
    from unnest(ids, errors, results) as x (id, error, result)
  ), gone as (
    delete from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids)
    returning j.*
  ), kept as (
    insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, holder,
      started_at, timeout, backoff, target, parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input, result)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, ended, g.priority, g.run_at, g.attempt, g.max_attempts, g.holder,
      g.started_at, g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace,
      coalesce(x.error, g.error), g.created_by, g.created_at, g.bytes + x.more, g.input, x.result
    from gone g
    join ended_as x on x.id = g.id
    returning parent_id, answers
  )
  select (select sum(e.more) from ended_as e), bool_or(k.parent_id is not null), bool_or(k.answers is not null)
  into more, related, answering
  from kept k;
end
$$;

comment on function mayfly_private.move_ended is 'Moves locked jobs to finished_jobs.';

-- Ends jobs that are locked by the caller: moves them to finished_jobs, logs it, tells their parents, and answers the
-- messages that they were made of. Errors and results go with the ids; either list may be null. The bytes of a result
-- over 256 are counted, never refused: what is done is recorded.

create function mayfly_private.end_jobs(tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  more bigint;
  related boolean;
  answering boolean;
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  select m.more, m.related, m.answering into more, related, answering from mayfly_private.move_ended(tenant, ids, ended, errors, results) m;
  if more > 0 then
    perform mayfly_private.count_usage(tenant, 0, more, 0);
  end if;
  perform mayfly_private.append_events(tenant, 'job.' || ended, ids);
  if related then
    perform mayfly_private.tell_parents(tenant, ids);
  end if;
  if answering then
    perform mayfly_private.answer_messages(tenant, ids);
  end if;
end
$$;

comment on function mayfly_private.end_jobs is 'Ends locked jobs.';
