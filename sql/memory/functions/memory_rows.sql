-- The memories that the events of a page of the log are about, as the caller sees them now: { rows, fitting }. Each
-- memory is included once, with the first of its events on the page. read_log calls it for {"memory": true} (see
-- mayfly_private.event_rows). Runs as owner and repeats the conditions of the policy. Locks nothing.

create function mayfly_private.memory_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  total bigint;
  fitting integer;
  ids uuid[];
  places integer[];
begin
  perform mayfly_private.require_tenant('memory:read');
  if selection <> 'true' then
    perform mayfly_private.fail(400, 'invalid_request', 'with_rows.memory must be true.', 'Leave it out if you want none.', '{"field": "with_rows.memory"}');
  end if;
  select max(sized.bytes), count(*) filter (where sized.place = 1 or sized.bytes <= max_bytes),
    array_agg(sized.id order by sized.nth), array_agg(sized.nth order by sized.nth)
  into total, fitting, ids, places
  from (
    select m.id, m.nth, row_number() over so_far as place, sum(m.bytes) over so_far as bytes
    from (
      select m.id, min(p.n) as nth, mayfly_private.memory_bytes(
        m.task, m.input, m.output, m.critique, m.tags, m.metadata, m.language, m.hlc) as bytes
      from jsonb_array_elements(page) with ordinality as p (event, n)
      join mayfly.memories m on m.tenant_id = tenant and m.id = (p.event ->> 'subject')::uuid and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      where p.event ->> 'type' in ('memory.created', 'memory.updated')
      group by m.tenant_id, m.id
    ) m
    window so_far as (order by m.nth)
  ) sized;
  if total * 6 > max_bytes then
    fitting := mayfly_private.fitting_memories(tenant, ids[:fitting], max_bytes);
  end if;
  return jsonb_build_object(
    -- `fitting` is the number of events before the first memory that does not fit.
    'fitting', coalesce(places[fitting + 1] - 1, jsonb_array_length(page)),
    'rows', (
      select coalesce(jsonb_agg(to_jsonb(m) - '{words,words_version,content_hash}'::text[] order by m.id), '[]')
      from mayfly.memories m
      where m.tenant_id = tenant and m.id = any (ids[:fitting]) and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)));
end
$$;

comment on function mayfly_private.memory_rows is 'The memories that a page of the log is about.';
