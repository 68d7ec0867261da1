-- The definer half of mayfly.append_run_chunks. Locks the job and the run.

create function mayfly_private.append_run_chunks(lease text, after bigint, chunks text, size integer, tell boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
begin
  if chunks is not null then
    if not coalesce(pg_input_is_valid(chunks, 'json') and octet_length(chunks) <= 1000000, false) then
      perform mayfly_private.fail(400, 'invalid_request', 'chunks must be at most 1 MB of JSON.', null, '{"field": "chunks"}');
    elsif size is null or json_typeof(chunks::json) <> 'array' or json_array_length(chunks::json) <> size or size < 1 then
      perform mayfly_private.fail(400, 'invalid_request', 'size must be the number of chunks.', null, '{"field": "size"}');
    end if;
  end if;
  run := mayfly_private.held_run(lease);
  -- A repeated call, whose first answer was lost, adds nothing.
  if chunks is not null and after = run.last_chunk then
    perform mayfly_private.charge(run.tenant_id, 0, 128 + octet_length(chunks), 1);
    insert into mayfly.run_chunks (tenant_id, run_id, seq, size, chunks, at, bytes)
    values (run.tenant_id, run.id, run.last_chunk + 1, append_run_chunks.size, append_run_chunks.chunks::json, mayfly_private.now(), 128 + octet_length(append_run_chunks.chunks));
    update mayfly.runs r set last_chunk = r.last_chunk + append_run_chunks.size where r.tenant_id = run.tenant_id and r.id = run.id returning * into run;
  end if;
  perform mayfly_private.tell_run(run, tell);
  return jsonb_build_object('last', run.last_chunk, 'paused', run.paused);
end
$$;

comment on function mayfly_private.append_run_chunks is 'Appends to the stream of a run.';
grant execute on function mayfly_private.append_run_chunks to authenticated, service_role;

-- Appends `size` chunks, a text of JSON [[step, try, chunk]], after chunk number `after`, and broadcasts them to
-- listeners: every 250 ms, or now with `tell`. Returns { last, paused }.

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
