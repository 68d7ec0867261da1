-- The lanes of a tenant from which a worker may take jobs, each with its head (its queue or its target) and the weight
-- of its queue. The lanes are found by a loose scan of jobs_ready_idx with one probe for each lane, however many jobs
-- the lane has. The function returns at most 16 lanes of one head, and 128 lanes in all. `next_heads` says where the
-- next claim continues. Marked entries are skipped (see take_jobs). Locks nothing.
--
-- The range between two places of the index is read in parts, each with equalities and one range condition. If the
-- upper bound compares rows instead, only its first column ends the scan. Then all dead entries of the next lane are
-- read too: while an old snapshot was held, a claim took 30 ms instead of 0.3.

create type mayfly_private.found_lanes as (
  lanes text[],
  heads text[],
  weights integer[],
  next_heads jsonb
);

create function mayfly_private.find_lanes(
  worker mayfly_private.claiming_worker, tenant uuid, queues text[], names text[], seen_heads jsonb, weighted boolean,
  marks mayfly_private.job_marks
)
returns mayfly_private.found_lanes
language plpgsql stable security definer
set search_path = ''
as $$
declare
  end_of_lane constant bigint := 9223372036854775807;
  found mayfly_private.found_lanes := row('{}', '{}', '{}', '{}')::mayfly_private.found_lanes;
  -- The parts of the index from which this worker may take jobs.
  lows text[] := case when queues is null then '{0}' else array(select q || '/' from unnest(queues) q order by q) end;
  highs text[] := case when queues is null then '{~}' else array(select q || '0' from unnest(queues) q order by q) end;
  -- Where the scan is, and where it ends.
  c_lane text collate "C";
  c_priority integer;
  c_seq bigint;
  next_mark integer;
  next_lane text collate "C";
  end_lane text collate "C";
  end_priority integer;
  target jsonb;
  head text collate "C";
  last_head text collate "C";
  in_head integer := 0;
  label text;
begin
  if worker.kind = 'agent' and exists (select from mayfly.jobs j where j.tenant_id = tenant and j.status = 'ready' and j.lane < '0') then
    lows := array['!a' || worker.id || '/', '!t' || worker.type || '/']
      || case when cardinality(worker.capabilities) > 0 then '{!c}'::text[] else '{}' end || lows;
    highs := array['!a' || worker.id || '0', '!t' || worker.type || '0']
      || case when cardinality(worker.capabilities) > 0 then '{!d}'::text[] else '{}' end || highs;
  end if;

  for i in 1..cardinality(lows) loop
    c_lane := lows[i];
    c_priority := -32768;
    c_seq := 0;
    loop
      next_mark := null;
      for m in 1..cardinality(marks.tenants) loop
        if marks.tenants[m] = tenant and marks.lanes[m] collate "C" < highs[i] collate "C"
          and (marks.lanes[m] collate "C", marks.priorities[m], 0) > (c_lane, c_priority, c_seq) then
          next_mark := m;
          exit;
        end if;
      end loop;
      next_lane := null;
      end_lane := coalesce(marks.lanes[next_mark], highs[i]);
      end_priority := coalesce(marks.priorities[next_mark], -32768);
      select b.lane, b.target into next_lane, target
      from (
        (select j.lane, j.target from mayfly.jobs j
          where j.tenant_id = tenant and j.status = 'ready' and j.lane = c_lane and j.priority = c_priority and j.seq > c_seq
          order by j.lane, j.priority, j.seq limit 1)
        union all
        (select j.lane, j.target from mayfly.jobs j
          where j.tenant_id = tenant and j.status = 'ready' and j.lane = c_lane
            and j.priority > c_priority and j.priority < case when c_lane = end_lane then end_priority else 32768 end
          order by j.lane, j.priority, j.seq limit 1)
        union all
        (select j.lane, j.target from mayfly.jobs j
          where j.tenant_id = tenant and j.status = 'ready' and j.lane > c_lane and j.lane < end_lane
          order by j.lane, j.priority, j.seq limit 1)
        union all
        (select j.lane, j.target from mayfly.jobs j
          where c_lane <> end_lane and j.tenant_id = tenant and j.status = 'ready' and j.lane = end_lane and j.priority < end_priority
          order by j.lane, j.priority, j.seq limit 1)) b
      limit 1;
      if next_lane is null then
        exit when next_mark is null;
        c_lane := marks.lanes[next_mark];
        c_priority := marks.priorities[next_mark];
        -- The number is never below 0, because otherwise the search would stay at this mark forever.
        c_seq := greatest(marks.seqs[next_mark] - 1, 0);
        continue;
      end if;
      c_lane := next_lane;
      c_priority := 32767;
      c_seq := end_of_lane;
      head := split_part(next_lane, '/', 1);
      if (left(head, 2) = '!c' and not (target -> 'capabilities') <@ to_jsonb(worker.capabilities))
        or (head = last_head and in_head >= 16) then
        if head = last_head and in_head >= 16 then
          found.next_heads := found.next_heads || jsonb_build_object(head, found.lanes[cardinality(found.lanes)]);
        end if;
        -- Continues with the next head: each lane of a head begins with the head and a /, and 0 is the next character
        -- after /.
        c_lane := head || '0';
        c_priority := -32768;
        c_seq := 0;
        continue;
      end if;
      label := split_part(case when left(head, 1) = '!' then substr(next_lane, length(head) + 2) else next_lane end, '#', 1);
      continue when split_part(label, '/', 2) <> all (names) or (left(head, 1) = '!' and split_part(label, '/', 1) <> all (queues));
      if head is distinct from last_head then
        last_head := head;
        in_head := 0;
        if seen_heads ? head and next_lane < (seen_heads ->> head) collate "C" then
          c_lane := seen_heads ->> head;
          continue;
        end if;
      end if;
      in_head := in_head + 1;
      found.lanes := found.lanes || next_lane::text;
      found.heads := found.heads || head::text;
      found.weights := found.weights || case when weighted
        then coalesce((select q.weight from mayfly.job_queues q where q.tenant_id = tenant and q.name = split_part(label, '/', 1)), 1)::integer
        else 1 end;
      exit when cardinality(found.lanes) >= 128;
    end loop;
    exit when cardinality(found.lanes) >= 128;
  end loop;
  return found;
end
$$;

comment on function mayfly_private.find_lanes is 'The lanes of a tenant from which a worker may take jobs.';
