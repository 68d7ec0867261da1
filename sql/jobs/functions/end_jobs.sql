-- Moves jobs to finished_jobs, for end_places. Returns what was moved, and by how many bytes each result exceeds the
-- 256 bytes that a job is charged for. It is a separate function, because its settings must not apply to the other
-- functions that end_places calls. It finds rows by ctid, which can never become a scan of the whole table. `errors`
-- and `results` are in the order of `places`.

create type mayfly_private.moved_jobs as (
  tenants uuid[],
  ids uuid[],
  more bigint[],
  related boolean,
  answering boolean
);

create function mayfly_private.move_ended(places tid[], ended text, errors jsonb[], results jsonb[])
returns mayfly_private.moved_jobs
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  moved mayfly_private.moved_jobs;
begin
  with gone as (
    delete from mayfly.jobs j where j.ctid = any (places)
    returning j.*, array_position(places, j.ctid) as nth
  ), kept as (
    insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, holder,
      started_at, timeout, backoff, target, parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input, result)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, ended, g.priority, g.run_at, g.attempt, g.max_attempts, g.holder,
      g.started_at, g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace,
      coalesce(errors[g.nth], g.error), g.created_by, g.created_at,
      g.bytes + greatest(0, coalesce(octet_length(results[g.nth]::text), 0) - 256), g.input, results[g.nth]
    from gone g
    returning tenant_id, id, greatest(0, coalesce(octet_length(result::text), 0) - 256) as more, parent_id, answers
  )
  select array_agg(k.tenant_id), array_agg(k.id), array_agg(k.more), bool_or(k.parent_id is not null), bool_or(k.answers is not null)
  into moved
  from kept k;
  return moved;
end
$$;

comment on function mayfly_private.move_ended is 'Moves locked jobs to finished_jobs.';

-- Ends jobs of one or several tenants at these row positions, which an earlier statement of the caller has locked. It
-- moves the jobs to finished_jobs, writes to the log, signals the parents of the jobs, and answers the messages from
-- which the jobs were made. Errors and results are passed as lists in the order of the positions, and each list may
-- be null. Result bytes above 256 are counted, but never refused, because finished work must be recorded.

create function mayfly_private.end_places(places tid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  moved mayfly_private.moved_jobs;
  of_one record;
begin
  if coalesce(cardinality(places), 0) = 0 then
    return;
  end if;
  moved := mayfly_private.move_ended(places, ended, errors, results);
  if moved.tenants[1] = all (moved.tenants) then
    perform mayfly_private.append_events(moved.tenants[1], 'job.' || ended, moved.ids);
  elsif moved.ids is not null then
    perform mayfly_private.append_events_of(moved.tenants, 'job.' || ended, moved.ids);
  end if;
  if moved.related or moved.answering or 0 < any (moved.more) then
    for of_one in
      select t.tenant_id, array_agg(t.id) as ids, sum(t.more) as more
      from unnest(moved.tenants, moved.ids, moved.more) as t (tenant_id, id, more) group by t.tenant_id order by t.tenant_id
    loop
      if of_one.more > 0 then
        perform mayfly_private.count_usage(of_one.tenant_id, 0, of_one.more::bigint, 0);
      end if;
      if moved.related then
        perform mayfly_private.tell_parents(of_one.tenant_id, of_one.ids);
      end if;
      if moved.answering then
        perform mayfly_private.answer_messages(of_one.tenant_id, of_one.ids);
      end if;
    end loop;
  end if;
end
$$;

comment on function mayfly_private.end_places is 'Ends the locked jobs at these places.';

-- Ends jobs in the same way, but jobs of one tenant, given by their ids.

create function mayfly_private.end_jobs(tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  places tid[];
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  places := array(
    select coalesce(j.place, '(4294967295,0)') from unnest(ids) with ordinality as i (id, n)
    left join lateral (select o.ctid as place from mayfly.jobs o where o.tenant_id = tenant and o.id = i.id limit 1) j on true
    order by i.n);
  perform mayfly_private.end_places(places, ended, errors, results);
end
$$;

comment on function mayfly_private.end_jobs is 'Ends locked jobs.';
