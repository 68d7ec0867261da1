-- Deletes a thread. Locks the thread until commit, then a shard of usage.

create function mayfly_private.delete_thread(thread text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:write');
  own_thread mayfly.threads;
begin
  select * into own_thread from mayfly.threads t where t.tenant_id = tenant and t.name = thread for update;
  if not found then
    return '{"deleted": false}';
  end if;
  perform mayfly_private.drop_threads(tenant, array[own_thread.id]);
  perform mayfly_private.charge(tenant, 0, 0, 1);
  return jsonb_build_object('deleted', own_thread.expires_at is null or own_thread.expires_at > mayfly_private.now());
end
$$;

comment on function mayfly_private.delete_thread is 'Deletes a thread.';
grant execute on function mayfly_private.delete_thread to authenticated, service_role;

-- Deletes a thread with all its checkpoints, values and writes. Returns { deleted }. Scope thread:write.

create function mayfly.delete_thread(thread text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_thread(thread);

comment on function mayfly.delete_thread is 'Deletes a thread and everything in it: { deleted }.';
grant execute on function mayfly.delete_thread to authenticated, service_role;
