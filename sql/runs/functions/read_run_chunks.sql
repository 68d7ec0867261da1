-- Reads the stream of a run. It is a definer, because `watch` writes a lease on the run's broadcasts. Locks the
-- watcher's row.

create function mayfly_private.read_run_chunks(id uuid, after bigint, page_limit integer, watch boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:read');
  run mayfly.runs;
  watched_until constant timestamptz := mayfly_private.now() + interval '60 seconds';
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  select * into run from mayfly.runs r where r.tenant_id = tenant and r.id = read_run_chunks.id;
  if not found then
    perform mayfly_private.fail(404, 'run_unknown', 'There is no such run.', null, '{"field": "id"}');
  end if;
  if watch and run.ended_at is null then
    insert into mayfly_private.run_watchers as w (tenant_id, run_id, until) values (tenant, run.id, watched_until)
    on conflict on constraint run_watchers_pkey do update set until = excluded.until where w.until < excluded.until - interval '10 seconds';
  end if;
  return (
    with page as (
      select c.seq, c.size, c.chunks::text as chunks, sum(c.bytes) over (order by c.seq) - c.bytes as before
      from (
        select * from mayfly.run_chunks r
        -- A batch may begin before the cursor. The limit on a batch's bytes also limits how many chunks it has.
        where r.tenant_id = tenant and r.run_id = run.id and r.seq > after
        union all
        (select * from mayfly.run_chunks r where r.tenant_id = tenant and r.run_id = run.id and r.seq <= after order by r.seq desc limit 1)
        order by seq limit page_limit + 1) c
      where c.seq + c.size > after + 1
    ), fitting as (
      select * from page p where p.before < 2000000 order by p.seq limit page_limit
    )
    select jsonb_build_object('rows', coalesce(jsonb_agg(jsonb_build_object('seq', f.seq, 'chunks', f.chunks) order by f.seq), '[]'),
      'last', run.last_chunk, 'status', mayfly_private.show_run(run) ->> 'status', 'ended', run.ended_at is not null)
    from fitting f);
end
$$;

comment on function mayfly_private.read_run_chunks is 'A page of the stream of a run.';
grant execute on function mayfly_private.read_run_chunks to authenticated, service_role;

-- A page of the stream of a run after chunk number `after` (scope run:read): { rows: [{ seq, chunks }], last,
-- status, ended }. With `watch`, new chunks are broadcast on tenant:{t}:run:{id} for the next 60 s.

create function mayfly.read_run_chunks(id uuid, after bigint default 0, page_limit integer default 1000, watch boolean default false)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.read_run_chunks(id, after, page_limit, watch);
end
$$;

comment on function mayfly.read_run_chunks is 'A page of the stream of a run after a cursor: { rows, last, status, ended }.';
grant execute on function mayfly.read_run_chunks to authenticated, service_role;
