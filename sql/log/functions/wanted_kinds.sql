-- The kinds of events that a caller asks for, by name or prefix (`memory.*`), and may see. Without types, all kinds
-- that the caller may see. Refuses an unknown name, and a kind for which the caller has no scope, because the caller
-- would wait for it forever. Called by read_log. Locks nothing.

create function mayfly_private.wanted_kinds(readable text[], types text[])
returns text[]
language plpgsql stable
set search_path = ''
as $$
declare
  asked record;
  wanted text[] := '{}';
  matching text[];
  scope text;
begin
  if types is null then
    if cardinality(readable) = 0 then
      perform mayfly_private.fail(403, 'scope_missing', 'The caller has no scope that shows events.',
        'Spawn the agent with the scopes of the events that it needs, such as memory:read or state:read.',
        '{"scope": "memory:read"}');
    end if;
    return readable;
  elsif cardinality(types) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'types must be 1 to 100 kinds of events, or null for all.', null, '{"field": "types"}');
  end if;
  for asked in select t.type, t.n - 1 as index from unnest(types) with ordinality as t (type, n) loop
    select array_agg(k.kind order by k.kind), min(k.scope) into matching, scope
    from mayfly.event_kinds k
    where k.kind = asked.type or (right(asked.type, 1) = '*' and starts_with(k.kind, left(asked.type, -1)));
    if matching is null then
      perform mayfly_private.fail(400, 'invalid_request', format('types[%s] is not a kind of event.', asked.index),
        'Use a kind such as agent.stopped, or a prefix such as memory.*. The table mayfly.event_kinds lists all kinds.',
        jsonb_build_object('field', 'types', 'index', asked.index));
    elsif not matching && readable then
      perform mayfly_private.fail(403, 'scope_missing', format('The caller does not have the scope %s, which shows %s.', scope, matching[1]),
        'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
        jsonb_build_object('scope', scope, 'field', 'types', 'index', asked.index));
    end if;
    wanted := wanted || matching;
  end loop;
  return array(select distinct w from unnest(wanted) w where w = any (readable) order by w);
end
$$;

comment on function mayfly_private.wanted_kinds is 'The kinds of events that a caller asks for and may see.';
