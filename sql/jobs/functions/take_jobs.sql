-- Takes up to `wanted` ready jobs for a worker. This is the core of claim_jobs and claim_any_jobs, unless take_next can
-- do without it. Returns the jobs, whether there are any (`are_any`), the place where the next claim continues, and how
-- long it took.
--
-- It is fair at three levels: among the tenants (for claim_any_jobs, by weight, from the place of the last claim on),
-- among the queues of a tenant (by weight), and among the lanes of a queue. A loose scan of jobs_ready_idx finds the
-- lanes with two index probes each, however many jobs they have. Within one lane, jobs are taken by priority and age.
-- Jobs that others have locked are skipped. One claim looks at up to 16 lanes of a queue and 128 in all; `place` says
-- where the next claim continues.
--
-- `marks` are for times when dead entries at the head of the index cannot be removed, because something (a backup, a
-- long query, a replica) holds an old snapshot. Without marks, each claim then reads all of these entries, which left
-- only 11 % of the throughput. A mark (tenant, lane, priority, seq) says that in this lane and priority, this worker
-- need not look before the number seq. A worker asks for marks when a full claim took long. Even with marks, the worker
-- makes a full claim every second, to find jobs that were committed late and have a number before the mark. Lanes and
-- priorities without a mark are always read from their beginning.
--
-- It uses `ctid = any (array(…))`, because joining by id became a hash join over the whole table. The settings make
-- generic plans use the index even while the table is small, because a session keeps these plans after the table has
-- grown. With the index, a claim takes 57 µs instead of 700.

create type mayfly_private.taken_jobs as (
  jobs json,
  are_any boolean,
  place jsonb,
  took numeric
);

create function mayfly_private.take_jobs(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb
)
returns mayfly_private.taken_jobs
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  begun constant timestamptz := clock_timestamp();
  ts constant timestamptz := mayfly_private.now();
  marked constant boolean := coalesce(jsonb_typeof(place -> 'marks'), 'null') = 'array';
  held_until constant timestamptz := least(ts + make_interval(secs => lease_seconds), worker.expires_at);
  seen_heads constant jsonb := case when jsonb_typeof(place -> 'heads') = 'object' then place -> 'heads' else '{}' end;
  marks mayfly_private.job_marks := row('{}', '{}', '{}', '{}')::mayfly_private.job_marks;
  new_marks jsonb := '[]';
  priorities integer[];
  seqs bigint[];
  newest bigint;
  since timestamptz := '-infinity';
  walk mayfly_private.tenant_walk;
  seen_tenants integer := 0;
  plain mayfly_private.plain_taken;
  rest uuid[];
  busy uuid[] := '{}';
  share integer;
  tenant uuid;
  most integer;
  quota integer;
  found_lanes mayfly_private.found_lanes;
  next_heads jsonb := '{}';
  has_limits boolean;
  turns integer[];
  at_lane integer;
  last_head text;
  in_head integer;
  weight integer;
  weight_left integer;
  room integer;
  asked integer;
  next_mark integer;
  locked mayfly_private.locked_jobs;
  part json;
  parts json[] := '{}';
  left_over integer := wanted;
  progress integer;
begin
  if marked then
    select coalesce(array_agg(x.t order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.l order by x.t, x.l collate "C", x.p), '{}'),
      coalesce(array_agg(x.p order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.s order by x.t, x.l collate "C", x.p), '{}')
    into marks.tenants, marks.lanes, marks.priorities, marks.seqs
    from (
      select mayfly_private.to_uuid(e ->> 0) as t, e ->> 1 as l, (e ->> 2)::integer as p, (e ->> 3)::bigint as s
      from jsonb_array_elements(place -> 'marks') e) x
    where x.t is not null and (worker.tenant_id is null or x.t = worker.tenant_id);
    since := coalesce((place ->> 'due')::timestamptz, '-infinity');
    newest := coalesce(pg_sequence_last_value('mayfly.jobs_seq_seq'), 0);
  end if;

  perform from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at between since and ts limit 1;
  if not found or mayfly_private.promote_jobs(since, 200) < 200 then
    -- The next claim begins 5 s before this instant. So even if it is not a full claim, it finds jobs that became due
    -- before this instant but were committed after it.
    since := ts - interval '5 seconds';
  end if;

  if worker.tenant_id is not null then
    walk.all_seen := true;
    walk.tenants := array[worker.tenant_id];
    walk.weights := '{1}';
    walk.all_weights := 1;
  else
    walk.first_tenant := coalesce(mayfly_private.to_uuid(place ->> 'tenant'), '00000000-0000-0000-0000-000000000000');
    walk.tenant := walk.first_tenant;
    walk.lane := '~';
    walk.priority := 32767;
    walk.seq := 9223372036854775807;
    walk.wrapped := false;
    walk.all_seen := false;
  end if;

  -- If these tenants have nothing for this worker, the claim looks at the next tenants, up to 1,000.
  loop
    if worker.tenant_id is null and not walk.all_seen then
      walk := mayfly_private.find_job_tenants(walk, left_over, marks);
    elsif worker.tenant_id is null then
      -- The rest goes to tenants that had more jobs than their share.
      walk.tenants := busy;
      walk.weights := array_fill(1, array[cardinality(busy)]);
      walk.all_weights := cardinality(busy);
    end if;
    exit when cardinality(walk.tenants) = 0;
    if marked then
      share := left_over;
      rest := walk.tenants;
      busy := '{}';
    elsif worker.tenant_id is not null then
      -- If the tenant has a single plain lane, this takes the tenant's whole share.
      part := mayfly_private.take_lane(worker, left_over, queues, names, held_until, false);
      if part is not null then
        parts := array[part];
        exit;
      end if;
      share := left_over;
      rest := walk.tenants;
    else
      plain := mayfly_private.take_plain(worker, walk, left_over, queues, names, held_until);
      rest := plain.rest;
      busy := plain.busy;
      tenant := coalesce(plain.last_tenant, tenant);
      if plain.taken > 0 then
        parts := parts || plain.jobs;
        left_over := left_over - plain.taken;
      end if;
    end if;

    for nth in 1..cardinality(rest) loop
      exit when left_over <= 0;
      tenant := rest[nth];
      quota := case
        when plain is null then least(left_over, greatest(walk.weights[nth], (share * walk.weights[nth] + walk.all_weights - 1) / walk.all_weights))
        else plain.rest_quotas[nth] end;
      has_limits := exists (select from mayfly.job_queues q where q.tenant_id = tenant);
      if worker.tenant_id is null then
        select t.max_running into most from mayfly_private.job_tenants t where t.tenant_id = tenant and t.max_running is not null;
        if found then
          -- If a tenant has a limit, only one claim at a time serves this tenant, and other claims skip it.
          perform from mayfly_private.job_tenants t where t.tenant_id = tenant for no key update skip locked;
          continue when not found;
          quota := least(quota, most - (select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running')::integer);
          continue when quota <= 0;
        end if;
      end if;
      found_lanes := mayfly_private.find_lanes(worker, tenant, queues, names, seen_heads, has_limits, marks);
      next_heads := next_heads || found_lanes.next_heads;
      continue when cardinality(found_lanes.lanes) = 0;

      -- In the first pass, each lane gets its part of its queue's share. In two more passes, the lanes get what others
      -- have left.
      for pass in 1..3 loop
        progress := 0;
        if cardinality(found_lanes.lanes) = 1 then
          turns := '{1}';
          weight_left := found_lanes.weights[1];
        else
          -- The queues are put in a random order, in which those with a high weight tend to come first. So over many
          -- claims of few jobs, each queue gets its share.
          turns := array(
            select l.n from unnest(found_lanes.heads) with ordinality as l (head, n)
            join (
              select h.head, power(random(), 1.0 / max(h.weight)) as luck
              from unnest(found_lanes.heads, found_lanes.weights) as h (head, weight) group by h.head) q on q.head = l.head
            order by q.luck desc, l.head, random());
          weight_left := (select sum(q.w) from (
            select max(h.weight) as w from unnest(found_lanes.heads, found_lanes.weights) as h (head, weight) group by h.head) q);
        end if;
        last_head := null;
        foreach at_lane in array turns loop
          exit when quota <= 0;
          if found_lanes.heads[at_lane] is distinct from last_head then
            if last_head is not null then
              weight_left := weight_left - weight;
            end if;
            last_head := found_lanes.heads[at_lane];
            weight := found_lanes.weights[at_lane];
            room := least(quota, (quota * weight + weight_left - 1) / greatest(weight_left, 1));
            in_head := (select count(*) from unnest(found_lanes.heads) h where h = last_head);
          end if;
          asked := least(quota, (room + in_head - 1) / greatest(in_head, 1));
          in_head := in_head - 1;
          if has_limits and asked > 0 then
            asked := mayfly_private.queue_room(tenant, found_lanes.lanes[at_lane], asked);
          end if;
          continue when asked <= 0;

          next_mark := null;
          for m in 1..cardinality(marks.tenants) loop
            if marks.tenants[m] = tenant and marks.lanes[m] = found_lanes.lanes[at_lane] then
              next_mark := m;
              exit;
            end if;
          end loop;
          if next_mark is null then
            locked.places := null;
          else
            locked := mayfly_private.lock_ready(tenant, found_lanes.lanes[at_lane], asked, marks, next_mark, newest);
            marks := locked.marks;
            continue when cardinality(locked.places) = 0;
          end if;

          with taken as (
            update mayfly.jobs j
            set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
            where j.ctid = any (coalesce(locked.places, array(
              select h.ctid from mayfly.jobs h
              where h.status = 'ready' and h.tenant_id = tenant and h.lane = found_lanes.lanes[at_lane]
              order by h.lane, h.priority, h.seq limit asked for update skip locked)))
            returning j.priority, j.seq, case
              when j.attempt > 1 or j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
                or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
              else json_build_object(
                'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
                'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
                'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
          )
          select json_agg(t.shown order by t.priority, t.seq), count(*)::integer,
            array_agg(t.priority::integer), array_agg(t.seq)
          into part, asked, priorities, seqs
          from taken t;
          continue when asked = 0;
          if marked then
            new_marks := new_marks || (
              select jsonb_agg(jsonb_build_array(tenant, found_lanes.lanes[at_lane], x.priority, x.last))
              from (select t.priority, max(t.seq) as last from unnest(priorities, seqs) as t (priority, seq) group by 1) x);
          end if;
          parts := parts || part;
          progress := progress + asked;
          left_over := left_over - asked;
          quota := quota - asked;
          room := room - asked;
        end loop;
        exit when quota <= 0 or progress = 0 or cardinality(turns) = 1;
      end loop;
      if worker.tenant_id is null and quota <= 0 then
        busy := busy || tenant;
      end if;
    end loop;
    seen_tenants := seen_tenants + cardinality(walk.tenants);
    tenant := coalesce(plain.last_tenant, tenant);
    exit when left_over <= 0 or (walk.all_seen and cardinality(busy) = 0) or seen_tenants >= 1000;
  end loop;

  if marked then
    select coalesce(jsonb_agg(jsonb_build_array(k.t, k.l, k.p, k.s)), '[]') into new_marks
    from (
      select x.t, x.l, x.p, max(x.s) as s
      from (
        select * from unnest(marks.tenants, marks.lanes, marks.priorities, marks.seqs) as o (t, l, p, s)
        union all
        select (e ->> 0)::uuid, e ->> 1, (e ->> 2)::integer, (e ->> 3)::bigint from jsonb_array_elements(new_marks) e
      ) x group by 1, 2, 3
      order by max(x.s) desc limit 500) k;
  end if;
  -- Joins the results of all lanes and tenants only once, at the end.
  part := case cardinality(parts)
    when 0 then '[]' when 1 then parts[1]
    else (select json_agg(e.job) from unnest(parts) p (jobs), json_array_elements(p.jobs) e (job)) end;
  return row(part, octet_length(part::text) > 2, jsonb_strip_nulls(jsonb_build_object(
    'tenant', case when worker.tenant_id is null then tenant end,
    'heads', nullif(next_heads, '{}'),
    'due', case when marked then since end,
    'marks', case when marked then new_marks end)), round(extract(epoch from clock_timestamp() - begun) * 1000, 3))::mayfly_private.taken_jobs;
end
$$;

comment on function mayfly_private.take_jobs is 'Takes ready jobs for a worker.';
