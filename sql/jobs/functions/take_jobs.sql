-- Takes up to `wanted` ready jobs for a worker: the heart of claim_jobs and claim_any_jobs. Gives { jobs, place, took }.
--
-- Fair in three rounds: over the tenants (of claim_any_jobs; by weight, from the place of the last claim on), over the
-- queues of each by weight, and over the lanes of a queue. Lanes are found by a loose scan of jobs_ready_idx, two index
-- probes each, whatever stands in them; of one lane the jobs are taken by priority and age. What others have locked is
-- passed by. At most 16 lanes of a queue are looked at in one claim, 128 in all; `place` says where the next goes on.
--
-- `marks` are for a time in which the dead entries at the head of the index cannot be removed, since something holds
-- the oldest snapshot back (a backup, a long query, a replica): without them a claim walks all of them each time, and
-- 11 % of the throughput was left. A mark (tenant, lane, priority, seq) says that this worker need not look before seq.
-- It asks for them when a full claim took long, and makes a full one every second: a job that committed late, with a
-- number before the mark, is found then. Lanes and priorities without a mark are always looked at from their beginning.
--
-- `ctid = any (array(…))`: joining back by id became a hash join over the whole table; the settings keep generic plans
-- on the index while the table is small, since plans outlive its growth (57 µs to 700 later).

create function mayfly_private.take_jobs(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb
)
returns jsonb
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
  ts constant timestamptz := clock_timestamp();
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  end_of_lane constant bigint := 9223372036854775807;
  marked constant boolean := coalesce(jsonb_typeof(place -> 'marks'), 'null') = 'array';
  held_until constant timestamptz := least(ts + make_interval(secs => lease_seconds), worker.expires_at);
  -- The marks, in the order of the index.
  m_tenant uuid[] := '{}';
  m_lane text[] := '{}';
  m_priority integer[] := '{}';
  m_seq bigint[] := '{}';
  m_new jsonb := '[]';
  m integer;
  newest bigint;
  since timestamptz := '-infinity';
  -- Where a scan stands, and where it ends.
  c_tenant uuid;
  c_lane text collate "C";
  c_priority integer;
  c_seq bigint;
  u_lane text collate "C";
  u_priority integer;
  next_mark integer;
  wrapped boolean := false;
  -- Where the look for tenants goes on.
  n_tenant uuid := coalesce(mayfly_private.to_uuid(place ->> 'tenant'), nobody);
  n_lane text := '~';
  n_priority integer := 32767;
  n_seq bigint := end_of_lane;
  first_tenant constant uuid := n_tenant;
  last_tenant uuid;
  all_seen boolean := false;
  seen_tenants integer := 0;
  share integer;
  busy uuid[] := '{}';
  tenants uuid[] := '{}';
  weights integer[] := '{}';
  all_weights integer := 0;
  tenant uuid;
  limits record;
  room integer;
  quota integer;
  -- The lanes of one tenant, each with its queue's head.
  lows text[];
  highs text[];
  lanes text[];
  heads text[];
  head_weights integer[];
  order_of integer[];
  head text collate "C";
  last_head text collate "C";
  in_head integer;
  label text;
  found_lane text collate "C";
  found_target jsonb;
  seen_heads jsonb := case when jsonb_typeof(place -> 'heads') = 'object' then place -> 'heads' else '{}' end;
  next_heads jsonb := '{}';
  has_limits boolean;
  i integer;
  n integer;
  asked integer;
  part jsonb;
  taken_rows tid[];
  more_rows tid[];
  low bigint;
  jobs jsonb := '[]';
  left_over integer := wanted;
  progress integer;
  weight_left integer;
begin
  if marked then
    select coalesce(array_agg(x.t order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.l order by x.t, x.l collate "C", x.p), '{}'),
      coalesce(array_agg(x.p order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.s order by x.t, x.l collate "C", x.p), '{}')
    into m_tenant, m_lane, m_priority, m_seq
    from (
      select mayfly_private.to_uuid(e ->> 0) as t, e ->> 1 as l, (e ->> 2)::integer as p, (e ->> 3)::bigint as s
      from jsonb_array_elements(place -> 'marks') e) x
    where x.t is not null and (worker.tenant_id is null or x.t = worker.tenant_id);
    since := coalesce((place ->> 'due')::timestamptz, '-infinity');
    newest := (select coalesce(pg_sequence_last_value('mayfly.jobs_seq_seq'), 0));
  end if;

  perform from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at between since and ts limit 1;
  if found then
    n := mayfly_private.promote_jobs(since, 200);
  else
    n := 0;
  end if;
  if n < 200 then
    since := ts;
  end if;

  -- Of tenants that turn out to have nothing for this worker the next are looked at, 1,000 at most.
  for turn in 1..1000 loop
    -- Whose jobs.
    if worker.tenant_id is not null then
      tenants := array[worker.tenant_id];
      weights := '{1}';
      all_weights := 1;
      all_seen := true;
    elsif all_seen then
      -- What is left, for those that had more than their share.
      tenants := busy;
      weights := array_fill(1, array[cardinality(busy)]);
      all_weights := cardinality(busy);
    else
      tenants := '{}';
      weights := '{}';
      all_weights := 0;
      c_tenant := n_tenant;
      c_lane := n_lane;
      c_priority := n_priority;
      c_seq := n_seq;
      loop
        next_mark := null;
        for m in 1..cardinality(m_tenant) loop
          if (m_tenant[m], m_lane[m] collate "C", m_priority[m], 0) > (c_tenant, c_lane, c_priority, c_seq) then
            next_mark := m;
            exit;
          end if;
        end loop;
        tenant := null;
        if next_mark is null then
          select j.tenant_id into tenant from mayfly.jobs j
          where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (c_tenant, c_lane, c_priority::smallint, c_seq)
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
        else
          u_lane := m_lane[next_mark];
          u_priority := m_priority[next_mark];
          select j.tenant_id into tenant from mayfly.jobs j
          where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (c_tenant, c_lane, c_priority::smallint, c_seq)
            and (j.tenant_id, j.lane, j.priority, j.seq) < (m_tenant[next_mark], u_lane, u_priority::smallint, 0::bigint)
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
        end if;
        if tenant is not null then
          if wrapped and tenant > first_tenant then
            all_seen := true;
            exit;
          end if;
          n := coalesce((select t.weight from mayfly_private.job_tenants t where t.tenant_id = tenant), 1);
          tenants := tenants || tenant;
          weights := weights || n;
          all_weights := all_weights + n;
          c_tenant := tenant;
          c_lane := '~';
          c_priority := 32767;
          c_seq := end_of_lane;
          all_seen := wrapped and tenant = first_tenant;
          exit when all_weights >= left_over or all_seen;
        elsif next_mark is not null then
          c_tenant := m_tenant[next_mark];
          c_lane := m_lane[next_mark];
          c_priority := m_priority[next_mark];
          c_seq := m_seq[next_mark] - 1;
        else
          all_seen := wrapped;
          exit when all_seen;
          wrapped := true;
          c_tenant := nobody;
          c_lane := '';
        end if;
      end loop;
      n_tenant := c_tenant;
      n_lane := c_lane;
      n_priority := c_priority;
      n_seq := c_seq;
    end if;

    share := left_over;
    busy := '{}';
    for at_tenant in 1..cardinality(tenants) loop
      exit when left_over <= 0;
      tenant := tenants[at_tenant];
      last_tenant := tenant;
      quota := least(left_over, greatest(weights[at_tenant], (share * weights[at_tenant] + all_weights - 1) / all_weights));
      has_limits := exists (select from mayfly.job_queues q where q.tenant_id = tenant);
      if worker.tenant_id is null then
        -- One claim at a time where a tenant has a limit: the others pass it by.
        select t.max_running into limits from mayfly_private.job_tenants t where t.tenant_id = tenant and t.max_running is not null;
        if found then
          perform from mayfly_private.job_tenants t where t.tenant_id = tenant for no key update skip locked;
          continue when not found;
          quota := least(quota, limits.max_running - (select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running')::integer);
          continue when quota <= 0;
        end if;
      end if;

      -- What of the index may be this worker's.
      lows := case when queues is null then '{0}' else array(select q || '/' from unnest(queues) q order by q) end;
      highs := case when queues is null then '{~}' else array(select q || '0' from unnest(queues) q order by q) end;
      if worker.kind = 'agent' and exists (select from mayfly.jobs j where j.tenant_id = tenant and j.status = 'ready' and j.lane < '0') then
        lows := array['!a' || worker.id || '/', '!t' || worker.type || '/'] || case when cardinality(worker.capabilities) > 0 then '{!c}'::text[] else '{}' end || lows;
        highs := array['!a' || worker.id || '0', '!t' || worker.type || '0'] || case when cardinality(worker.capabilities) > 0 then '{!d}'::text[] else '{}' end || highs;
      end if;

      lanes := '{}';
      heads := '{}';
      head_weights := '{}';
      last_head := null;
      in_head := 0;
      for i in 1..cardinality(lows) loop
        c_lane := lows[i];
        c_priority := -32768;
        c_seq := 0;
        loop
          next_mark := null;
          for m in 1..cardinality(m_tenant) loop
            if m_tenant[m] = tenant and m_lane[m] collate "C" < highs[i] collate "C"
              and (m_lane[m] collate "C", m_priority[m], 0) > (c_lane, c_priority, c_seq) then
              next_mark := m;
              exit;
            end if;
          end loop;
          u_lane := coalesce(m_lane[next_mark], highs[i]);
          u_priority := coalesce(m_priority[next_mark], -32768);
          found_lane := null;
          select j.lane, j.target into found_lane, found_target from mayfly.jobs j
          where j.tenant_id = tenant and j.status = 'ready'
            and (j.lane, j.priority, j.seq) > (c_lane, c_priority::smallint, c_seq)
            and (j.lane, j.priority, j.seq) < (u_lane, u_priority::smallint, 0::bigint)
          order by j.lane, j.priority, j.seq limit 1;
          if found_lane is null then
            exit when next_mark is null;
            c_lane := m_lane[next_mark];
            c_priority := m_priority[next_mark];
            c_seq := m_seq[next_mark] - 1;
            continue;
          end if;
          c_lane := found_lane;
          c_priority := 32767;
          c_seq := end_of_lane;
          head := split_part(found_lane, '/', 1);
          if left(head, 2) = '!c' and not (found_target -> 'capabilities') <@ to_jsonb(worker.capabilities) then
            c_lane := head || '0';
            c_priority := -32768;
            c_seq := 0;
            continue;
          end if;
          label := split_part(case when left(head, 1) = '!' then substr(found_lane, length(head) + 2) else found_lane end, '#', 1);
          continue when names is not null and split_part(label, '/', 2) <> all (names);
          continue when queues is not null and left(head, 1) = '!' and split_part(label, '/', 1) <> all (queues);
          if head is distinct from last_head then
            last_head := head;
            in_head := 0;
            if seen_heads ? head and found_lane < (seen_heads ->> head) collate "C" then
              c_lane := seen_heads ->> head;
              continue;
            end if;
          end if;
          if in_head >= 16 then
            next_heads := next_heads || jsonb_build_object(head, lanes[cardinality(lanes)]);
            c_lane := head || '0';
            c_priority := -32768;
            c_seq := 0;
            continue;
          end if;
          in_head := in_head + 1;
          lanes := lanes || found_lane::text;
          heads := heads || head::text;
          head_weights := head_weights || case when has_limits
            then coalesce((select q.weight from mayfly.job_queues q where q.tenant_id = tenant and q.name = split_part(label, '/', 1)), 1)::integer
            else 1 end;
          exit when cardinality(lanes) >= 128;
        end loop;
        exit when cardinality(lanes) >= 128;
      end loop;
      continue when cardinality(lanes) = 0;

      -- Each lane its share of its queue's, and once more what the others left.
      for pass in 1..3 loop
        progress := 0;
        if cardinality(lanes) = 1 then
          order_of := '{1}';
          weight_left := 1;
        else
          -- At random, the queues first: over many claims of few jobs each has its share.
          order_of := array(
            select l.n from unnest(heads, head_weights) with ordinality as l (head, weight, n)
            join (
              select h.head, power(random(), 1.0 / max(h.weight)) as luck
              from unnest(heads, head_weights) as h (head, weight) group by h.head) q on q.head = l.head
            order by q.luck desc, l.head, random());
          weight_left := (select sum(q.w) from (
            select max(h.weight) as w from unnest(heads, head_weights) as h (head, weight) group by h.head) q);
        end if;
        last_head := null;
        foreach i in array order_of loop
          exit when quota <= 0;
          if heads[i] is distinct from last_head then
            if last_head is not null then
              weight_left := weight_left - n;
            end if;
            last_head := heads[i];
            n := head_weights[i];
            room := least(quota, (quota * n + weight_left - 1) / greatest(weight_left, 1));
            in_head := (select count(*) from unnest(heads) h where h = last_head);
          end if;
          asked := least(quota, (room + in_head - 1) / greatest(in_head, 1));
          in_head := in_head - 1;
          continue when asked <= 0;
          if has_limits then
            asked := mayfly_private.queue_room(tenant, lanes[i], asked);
            continue when asked <= 0;
          end if;

          next_mark := null;
          for m in 1..cardinality(m_tenant) loop
            if m_tenant[m] = tenant and m_lane[m] = lanes[i] then
              next_mark := m;
              exit;
            end if;
          end loop;
          if next_mark is null then
            taken_rows := array(
              select h.ctid from mayfly.jobs h
              where h.status = 'ready' and h.tenant_id = tenant and h.lane = lanes[i]
              order by h.lane, h.priority, h.seq limit asked for update skip locked);
          else
            taken_rows := '{}';
            c_priority := -32768;
            c_seq := 0;
            m := null;
            loop
              u_priority := case when m_tenant[next_mark] = tenant and m_lane[next_mark] = lanes[i] then m_priority[next_mark] end;
              more_rows := array(
                select h.ctid from mayfly.jobs h
                where h.status = 'ready' and h.tenant_id = tenant and h.lane = lanes[i]
                  and (h.priority, h.seq) > (c_priority::smallint, c_seq)
                  and (h.priority, h.seq) < (coalesce(u_priority, 32767)::smallint, case when u_priority is null then end_of_lane else 0 end)
                order by h.lane, h.priority, h.seq limit asked - cardinality(taken_rows) for update skip locked);
              taken_rows := taken_rows || more_rows;
              exit when cardinality(taken_rows) >= asked;
              -- All that was there is taken, or in other hands.
              if m is not null then
                m_seq[m] := greatest(m_seq[m], newest);
              end if;
              exit when u_priority is null;
              m := next_mark;
              c_priority := m_priority[m];
              c_seq := m_seq[m] - 1;
              next_mark := next_mark + 1;
            end loop;
          end if;
          continue when cardinality(taken_rows) = 0;

          with taken as (
            update mayfly.jobs j
            set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts,
              lease_end = least(held_until, j.deadline, ts + j.timeout)
            where j.ctid = any (taken_rows)
            returning j.tenant_id, j.id, j.queue, j.name, j.lane, j.priority, j.seq, j.attempt, j.max_attempts, j.run_at, j.created_at,
              j.deadline, j.timeout, j.parent_id, j.key, j.answers, j.trace, j.lease_end, j.input
          )
          select jsonb_agg(jsonb_build_object(
              'lease', t.attempt || '.' || t.id || '.' || t.tenant_id, 'id', t.id, 'tenant_id', t.tenant_id, 'queue', t.queue, 'name', t.name,
              'priority', t.priority, 'attempt', t.attempt, 'max_attempts', t.max_attempts, 'run_at', t.run_at, 'created_at', t.created_at,
              'lease_end', t.lease_end, 'input', t.input)
              || case when t.deadline is null and t.timeout is null and t.parent_id is null and t.key is null and t.answers is null and t.trace is null
                then '{}'
                else jsonb_strip_nulls(jsonb_build_object('deadline', t.deadline, 'timeout', extract(epoch from t.timeout),
                  'parent_id', t.parent_id, 'key', t.key, 'answers', t.answers, 'trace', t.trace)) end
              order by t.priority, t.seq),
            count(*)::integer,
            case when marked then (select jsonb_agg(jsonb_build_array(p.tenant_id, p.lane, p.priority, p.last))
              from (select x.tenant_id, x.lane, x.priority, max(x.seq) as last from taken x group by 1, 2, 3) p) end
          into part, asked, found_target
          from taken t;
          jobs := jobs || part;
          m_new := m_new || coalesce(found_target, '[]');
          progress := progress + asked;
          left_over := left_over - asked;
          quota := quota - asked;
          room := room - asked;
        end loop;
        exit when quota <= 0 or progress = 0 or cardinality(lanes) = 1;
      end loop;
      if worker.tenant_id is null and quota <= 0 then
        busy := busy || tenant;
      end if;
    end loop;
    seen_tenants := seen_tenants + cardinality(tenants);
    exit when left_over <= 0 or (all_seen and cardinality(busy) = 0) or seen_tenants >= 1000;
  end loop;

  return jsonb_build_object('jobs', jobs, 'took', round(extract(epoch from clock_timestamp() - ts)::numeric * 1000, 3),
    'place', jsonb_strip_nulls(jsonb_build_object(
      'tenant', case when worker.tenant_id is null then last_tenant end,
      'heads', case when next_heads <> '{}' then next_heads end,
      'due', case when marked then since end,
      'marks', case when marked then (
        select coalesce(jsonb_agg(jsonb_build_array(k.t, k.l, k.p, k.s)), '[]')
        from (
          select x.t, x.l, x.p, max(x.s) as s
          from (
            select * from unnest(m_tenant, m_lane, m_priority, m_seq) as o (t, l, p, s)
            union all
            select (e ->> 0)::uuid, e ->> 1, (e ->> 2)::integer, (e ->> 3)::bigint from jsonb_array_elements(m_new) e
          ) x group by 1, 2, 3
          order by max(x.s) desc limit 500) k) end)));
end
$$;

comment on function mayfly_private.take_jobs is
  'Takes ready jobs for a worker.';
