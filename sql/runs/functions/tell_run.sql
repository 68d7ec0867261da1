-- Broadcasts what is new in the stream of a run to its listeners, at most every 250 ms, unless the caller asks for it
-- at once. Each broadcast, and each of its receivers, counts against the project's rate. Chunks of up to 60 KB are part
-- of the broadcast. If there is more, the broadcast is only a hint, and listeners read the rows. The caller has locked
-- the run. The broadcast also counts against the tenant's rate. If a broadcast is lost, a listener finds the chunks
-- when it next reads the rows.

create function mayfly_private.tell_run(run mayfly.runs, now boolean)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  news text;
begin
  if run.last_chunk = run.told_chunk and run.ended_at is null then
    return;
  elsif not coalesce(now, false) and run.told_at > ts - interval '250 milliseconds' and run.told_at <= ts then
    return;
  elsif not exists (select from mayfly_private.run_watchers w where w.tenant_id = run.tenant_id and w.run_id = run.id and w.until > ts)
    or mayfly_private.may_tell(run.tenant_id, 1) = 0 then
    return;
  end if;
  if (select sum(c.bytes) from mayfly.run_chunks c where c.tenant_id = run.tenant_id and c.run_id = run.id and c.seq > run.told_chunk) < 60000 then
    -- jsonb cannot hold a null character or half an emoji, but a text of JSON can.
    select string_agg(substr(c.chunks::text, 2, length(c.chunks::text) - 2), ',' order by c.seq) into news
    from mayfly.run_chunks c where c.tenant_id = run.tenant_id and c.run_id = run.id and c.seq > run.told_chunk;
  end if;
  perform realtime.send(jsonb_strip_nulls(jsonb_build_object('after', run.told_chunk, 'last', run.last_chunk, 'chunks', '[' || news || ']',
    'status', run.status)), 'run_chunks', format('tenant:%s:run:%s', run.tenant_id, run.id), true);
  update mayfly.runs r set told_chunk = r.last_chunk, told_at = ts where r.tenant_id = run.tenant_id and r.id = run.id;
end
$$;

comment on function mayfly_private.tell_run is 'Broadcasts what is new in the stream of a run.';
