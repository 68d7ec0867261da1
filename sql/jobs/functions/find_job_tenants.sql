-- Finds the next tenants with ready jobs for claim_any_jobs. It starts after the place in `walk`, and finds tenants
-- until their weights add up to `wanted`. This is a loose scan of jobs_ready_idx with one probe for each tenant. The
-- scan goes around the index once, and ends where it began. At a mark (see take_jobs), it looks only at jobs after the
-- mark's seq. Locks nothing.

create type mayfly_private.job_marks as (
  tenants uuid[],
  lanes text[],
  priorities integer[],
  seqs bigint[]
);

create type mayfly_private.tenant_walk as (
  tenant uuid,
  lane text,
  priority integer,
  seq bigint,
  first_tenant uuid,
  wrapped boolean,
  all_seen boolean,
  -- What the last step found.
  tenants uuid[],
  weights integer[],
  all_weights integer
);

create function mayfly_private.find_job_tenants(walk mayfly_private.tenant_walk, wanted integer, marks mayfly_private.job_marks)
returns mayfly_private.tenant_walk
language plpgsql stable security definer
set search_path = ''
as $$
declare
  end_of_lane constant bigint := 9223372036854775807;
  next_mark integer;
  end_tenant uuid;
  end_lane text collate "C";
  end_priority integer;
  found_tenant uuid;
  found_tenants uuid[];
  found_weights integer[];
  weight integer;
begin
  walk.tenants := '{}';
  walk.weights := '{}';
  walk.all_weights := 0;
  if cardinality(marks.tenants) = 0 then
    -- Without marks, one statement walks from here to the end of the index, and another one from the start of the
    -- index.
    loop
      with recursive t (id, n) as (
        select (select j.tenant_id from mayfly.jobs j where j.status = 'ready' and j.tenant_id > walk.tenant order by j.tenant_id limit 1), 1
        union all
        select (select j.tenant_id from mayfly.jobs j where j.status = 'ready' and j.tenant_id > t.id order by j.tenant_id limit 1), t.n + 1
        from t where t.id is not null and t.n < wanted
      ), weighed as (
        select t.id, t.n, coalesce(w.weight, 1)::integer as weight, sum(coalesce(w.weight, 1)) over (order by t.n) as so_far
        from t left join mayfly_private.job_tenants w on w.tenant_id = t.id
        where t.id is not null and (not walk.wrapped or t.id <= walk.first_tenant)
      )
      select array_agg(w.id order by w.n), array_agg(w.weight order by w.n), coalesce(sum(w.weight), 0) into found_tenants, found_weights, weight
      from weighed w
      where walk.all_weights + w.so_far - w.weight < wanted;
      walk.tenants := walk.tenants || found_tenants;
      walk.weights := walk.weights || found_weights;
      walk.all_weights := walk.all_weights + weight;
      walk.tenant := coalesce(found_tenants[cardinality(found_tenants)], walk.tenant);
      walk.all_seen := walk.wrapped and (walk.all_weights < wanted or walk.tenant >= walk.first_tenant);
      exit when walk.all_weights >= wanted or walk.all_seen;
      walk.wrapped := true;
      walk.tenant := '00000000-0000-0000-0000-000000000000';
    end loop;
    return walk;
  end if;
  loop
    next_mark := null;
    for m in 1..cardinality(marks.tenants) loop
      if (marks.tenants[m], marks.lanes[m] collate "C", marks.priorities[m], 0) > (walk.tenant, walk.lane collate "C", walk.priority, walk.seq) then
        next_mark := m;
        exit;
      end if;
    end loop;
    found_tenant := null;
    if next_mark is null then
      select j.tenant_id into found_tenant from mayfly.jobs j
      where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (walk.tenant, walk.lane, walk.priority::smallint, walk.seq)
      order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
    else
      -- Reads the range in parts, because a comparison of rows does not end a scan (see find_lanes).
      end_tenant := marks.tenants[next_mark];
      end_lane := marks.lanes[next_mark];
      end_priority := marks.priorities[next_mark];
      select b.tenant_id into found_tenant
      from (
        (select j.tenant_id from mayfly.jobs j
          where j.status = 'ready' and j.tenant_id = walk.tenant and j.lane = walk.lane and j.priority = walk.priority and j.seq > walk.seq
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)
        union all
        (select j.tenant_id from mayfly.jobs j
          where j.status = 'ready' and j.tenant_id = walk.tenant and j.lane = walk.lane and j.priority > walk.priority
            and j.priority < case when walk.tenant = end_tenant and walk.lane = end_lane then end_priority else 32768 end
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)
        union all
        (select j.tenant_id from mayfly.jobs j
          where j.status = 'ready' and j.tenant_id = walk.tenant and j.lane > walk.lane
            and j.lane < case when walk.tenant = end_tenant then end_lane else '~' end
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)
        union all
        (select j.tenant_id from mayfly.jobs j
          where j.status = 'ready' and j.tenant_id > walk.tenant and j.tenant_id < end_tenant
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)
        union all
        (select j.tenant_id from mayfly.jobs j
          where walk.tenant <> end_tenant and j.status = 'ready' and j.tenant_id = end_tenant and j.lane < end_lane
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)
        union all
        (select j.tenant_id from mayfly.jobs j
          where (walk.tenant, walk.lane collate "C") <> (end_tenant, end_lane) and j.status = 'ready' and j.tenant_id = end_tenant
            and j.lane = end_lane and j.priority < end_priority
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1)) b
      limit 1;
    end if;
    if found_tenant is not null then
      walk.all_seen := walk.wrapped and found_tenant >= walk.first_tenant;
      exit when walk.wrapped and found_tenant > walk.first_tenant;
      weight := coalesce((select t.weight from mayfly_private.job_tenants t where t.tenant_id = found_tenant), 1);
      walk.tenants := walk.tenants || found_tenant;
      walk.weights := walk.weights || weight;
      walk.all_weights := walk.all_weights + weight;
      walk.tenant := found_tenant;
      walk.lane := '~';
      walk.priority := 32767;
      walk.seq := end_of_lane;
      exit when walk.all_weights >= wanted or walk.all_seen;
    elsif next_mark is not null then
      walk.tenant := marks.tenants[next_mark];
      walk.lane := marks.lanes[next_mark];
      walk.priority := marks.priorities[next_mark];
      walk.seq := greatest(marks.seqs[next_mark] - 1, 0);
    else
      walk.all_seen := walk.wrapped;
      exit when walk.all_seen;
      walk.wrapped := true;
      walk.tenant := '00000000-0000-0000-0000-000000000000';
      walk.lane := '';
    end if;
  end loop;
  return walk;
end
$$;

comment on function mayfly_private.find_job_tenants is 'The next tenants that have ready jobs.';
