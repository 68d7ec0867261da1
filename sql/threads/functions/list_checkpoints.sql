-- Checkpoints, newest first, one page at a time. The list can be limited to one thread, to one namespace, to
-- checkpoints before an id, and to those whose metadata has the keys and values of `filter`. `after` is the id, thread
-- and namespace of the last checkpoint of the previous page. Scope thread:read. Runs as the caller. Locks nothing.

create function mayfly.list_checkpoints(
  thread text default null, ns text default null, before text default null, filter jsonb default '{}', after jsonb default null,
  page_limit integer default 20
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:read');
  instant constant timestamptz := mayfly_private.now();
  shown mayfly.checkpoints[];
begin
  if page_limit is null or page_limit not between 1 and 100 then -- bounds: 100 thread.page.most
    perform mayfly_private.refuse_thread('page_limit', '1 to 100'); -- bounds: 100 thread.page.most
  elsif not coalesce(jsonb_typeof(filter) = 'object', false) then
    perform mayfly_private.refuse_thread('filter', 'an object');
  elsif after is not null and not (jsonb_typeof(after) = 'array' and jsonb_array_length(after) = 3) then
    perform mayfly_private.refuse_thread('after', 'the id, the thread and the namespace of a checkpoint');
  end if;
  select coalesce(array_agg(page.c order by page.n), '{}') into shown
  from (
    select c, row_number() over (order by c.id desc, t.name desc, c.ns desc) as n
    from mayfly.checkpoints c
    join mayfly.threads t on t.tenant_id = c.tenant_id and t.id = c.thread_id
    where c.tenant_id = tenant
      and (list_checkpoints.thread is null or t.name = list_checkpoints.thread)
      and (t.expires_at is null or t.expires_at > instant)
      and (list_checkpoints.ns is null or c.ns = list_checkpoints.ns)
      and (before is null or c.id < before)
      and not exists (select from jsonb_each(filter) f where c.metadata -> f.key is distinct from f.value)
      and (after is null or (c.id, t.name, c.ns) < (after ->> 0, after ->> 1, after ->> 2))
    order by c.id desc, t.name desc, c.ns desc
    limit page_limit) page;
  return mayfly_private.show_checkpoints(shown);
end
$$;

comment on function mayfly.list_checkpoints is
  'Checkpoints, newest first: { checkpoints, parts }. Pass [id, thread, ns] of the last one as after for the next page.';
grant execute on function mayfly.list_checkpoints to authenticated, service_role;
