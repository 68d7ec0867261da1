-- A checkpoint of a thread, by default the newest: { checkpoints, parts }. Both lists are empty if there is no such
-- checkpoint. Scope thread:read. Runs as the caller. Locks nothing.

create function mayfly.get_checkpoint(thread text, ns text default '', checkpoint text default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:read');
  own_thread constant uuid := (
    select t.id from mayfly.threads t
    where t.tenant_id = tenant and t.name = thread and (t.expires_at is null or t.expires_at > mayfly_private.now()));
  found_one mayfly.checkpoints;
begin
  select * into found_one from mayfly.checkpoints c
  where c.tenant_id = tenant and c.thread_id = own_thread and c.ns = coalesce(get_checkpoint.ns, '')
    and (checkpoint is null or c.id = checkpoint)
  order by c.id desc limit 1;
  return mayfly_private.show_checkpoints(case when found_one.id is null then '{}' else array[found_one] end);
end
$$;

comment on function mayfly.get_checkpoint is
  'A checkpoint of a thread, by default the newest: { checkpoints, parts }, with each part once, by its chain.';
grant execute on function mayfly.get_checkpoint to authenticated, service_role;
