-- The versions of states that a page of the log is about, as state_changes returns them: { rows, fitting }. {"state":
-- true} selects all states. {"state": ["progress"]} selects only states with these keys, of any owner. Versions that
-- are no longer kept are left out. Called by read_log (see mayfly_private.event_rows). Runs as owner. Locks nothing.

create function mayfly_private.state_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  keys constant text[] := case when jsonb_typeof(selection) = 'array' then array(select jsonb_array_elements_text(selection)) end;
  given jsonb;
  too_far integer;
begin
  perform mayfly_private.require_tenant('state:read');
  if selection <> 'true' and (keys is null or cardinality(keys) not between 1 and 100
    or exists (select from jsonb_array_elements(selection) k where jsonb_typeof(k) <> 'string')) then
    perform mayfly_private.fail(400, 'invalid_request', 'with_rows.state must be true, or a list of 1 to 100 keys.',
      'Leave it out to get no states.', '{"field": "with_rows.state"}');
  end if;
  select jsonb_agg(jsonb_build_object('id', c.id, 'key', c.key, 'agent_id', c.agent_id, 'version', c.version,
      'value', c.value, 'action', c.action, 'by', c.by, 'at', c.at) order by c.n) filter (where c.n = 1 or c.so_far <= max_bytes),
    min(c.n) filter (where c.n > 1 and c.so_far > max_bytes)
  into given, too_far
  from (
    select p.n, s.id, s.key, s.agent_id, v.version, v.value, v.action, v.by, v.at, sum(v.bytes + 300) over (order by p.n) as so_far
    from jsonb_array_elements(page) with ordinality as p (event, n)
    join mayfly.states s on s.tenant_id = tenant and s.id = (p.event ->> 'subject')::uuid and (keys is null or s.key = any (keys))
    join mayfly.state_versions v on v.tenant_id = tenant and v.state_id = s.id and v.version = (p.event ->> 'version')::integer
    where p.event ->> 'type' = 'state.changed'
  ) c;
  return jsonb_build_object('rows', coalesce(given, '[]'), 'fitting', coalesce(too_far - 1, jsonb_array_length(page)));
end
$$;

comment on function mayfly_private.state_rows is 'The versions of states that a page of the log is about.';
