-- Pushes what was learned and pulls what is new, in one round trip. The sync function calls it with the rights of its
-- own caller. Push and pull are one transaction, and the caller gets its own events with the next sync. Operations may
-- have the form from before 0.2 (convert_operations). It also marks agents as dead if their lifetime is over. `since:
-- null` begins with all memories, and 'now' with everything that happens from now on.

create function mayfly.sync(push jsonb default '[]', since text default null, page_limit integer default 500)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  results jsonb := '[]';
begin
  if page_limit is null or page_limit not between 0 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 0 to 1000.', 'Use 0 to push only.', '{"field": "limit"}');
  end if;
  if push is not null and push <> '[]' then
    results := mayfly_private.push(mayfly_private.convert_operations(push));
  end if;
  perform mayfly_private.reap_in_passing();
  if page_limit = 0 and since is distinct from 'now' then
    return jsonb_build_object('results', results, 'events', '[]'::jsonb, 'memories', '[]'::jsonb, 'cursor', since, 'more', false);
  end if;
  return jsonb_build_object('results', results)
    || mayfly_private.pull(since, page_limit);
end
$$;

comment on function mayfly.sync is
  'Pushes operations and pulls the log since a cursor, null (all memories first) or ''now'': { results, events, memories, cursor, more }.';
grant execute on function mayfly.sync to authenticated, service_role;
