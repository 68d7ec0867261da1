-- Refuses a text that is not JSON or is larger than 1 MB.

create function mayfly_private.check_run_chunks(chunks text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not coalesce(pg_input_is_valid(chunks, 'json') and octet_length(chunks) <= 1000000, false) then
    perform mayfly_private.fail(400, 'invalid_request', 'chunks must be at most 1 MB of JSON.', null, '{"field": "chunks"}');
  end if;
end
$$;

comment on function mayfly_private.check_run_chunks is 'Refuses chunks that are not JSON.';

-- Writes chunks { after, chunks, size } of a run that the caller has locked. Returns how many chunks were new, which is
-- 0 if all were written before. The caller counts their bytes and updates last_chunk.

create function mayfly_private.put_run_chunks(run mayfly.runs, given jsonb)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  chunks constant text := given ->> 'chunks';
  size constant integer := case when mayfly_private.number_within(given -> 'size', 1, 1000000, true) then (given ->> 'size')::numeric::integer end;
begin
  perform mayfly_private.check_run_chunks(chunks);
  if size is null or json_typeof(chunks::json) <> 'array' or json_array_length(chunks::json) <> size then
    perform mayfly_private.fail(400, 'invalid_request', 'size must be the number of chunks.', null, '{"field": "size"}');
  elsif given -> 'after' is distinct from to_jsonb(run.last_chunk) then
    return 0;
  end if;
  insert into mayfly.run_chunks (tenant_id, run_id, seq, size, chunks, at, bytes)
  values (run.tenant_id, run.id, run.last_chunk + 1, size, chunks::json, mayfly_private.now(), 128 + octet_length(chunks));
  return size;
end
$$;

comment on function mayfly_private.put_run_chunks is 'Writes chunks of a run.';

-- Appends chunks for the holder of the lease. Locks the job and the run.

create function mayfly_private.append_run_chunks(lease text, after bigint, chunks text, size integer, tell boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
  more integer;
begin
  if chunks is not null then
    perform mayfly_private.check_run_chunks(chunks);
  end if;
  run := mayfly_private.held_run(lease);
  if chunks is not null then
    more := mayfly_private.put_run_chunks(run, jsonb_build_object('after', after, 'chunks', chunks, 'size', size));
    if more > 0 then
      perform mayfly_private.charge(run.tenant_id, 0, 128 + octet_length(chunks), 1);
      update mayfly.runs r set last_chunk = r.last_chunk + more where r.tenant_id = run.tenant_id and r.id = run.id returning * into run;
    end if;
  end if;
  perform mayfly_private.tell_run(run, tell);
  return jsonb_build_object('last', run.last_chunk, 'paused', run.paused);
end
$$;

comment on function mayfly_private.append_run_chunks is 'Appends to the stream of a run.';
grant execute on function mayfly_private.append_run_chunks to authenticated, service_role;

-- Appends `size` chunks after chunk number `after`. The chunks are a text of JSON: [[step, try, chunk]]. Broadcasts
-- them to listeners, at most every 250 ms, or at once if `tell` is true. Returns { last, paused }: the number of the
-- last chunk, and whether the run is paused.

create function mayfly.append_run_chunks(lease text, after bigint, chunks text, size integer, tell boolean default false)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.append_run_chunks(lease, after, chunks, size, tell);
end
$$;

comment on function mayfly.append_run_chunks is 'Appends chunks to the stream of a run: { last, paused }.';
grant execute on function mayfly.append_run_chunks to authenticated, service_role;
