-- Locks a thread for writing until commit. Creates the thread if there is none, and replaces a thread that has expired.
-- Functions that write into a thread call it first. Runs as owner. Locks the thread.

create function mayfly_private.lock_thread(tenant uuid, thread text, expires_in integer)
returns mayfly.threads
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  found_thread mayfly.threads;
begin
  if coalesce(char_length(thread), 0) not between 1 and 500 then
    perform mayfly_private.refuse_thread('thread', 'a text of 1 to 500 characters');
  elsif expires_in not between 1 and 315360000 then
    perform mayfly_private.refuse_thread('expires_in', '1 to 315360000 seconds, or null');
  end if;
  insert into mayfly.threads (tenant_id, name) values (tenant, thread) on conflict (tenant_id, name) do nothing;
  select * into strict found_thread from mayfly.threads t where t.tenant_id = tenant and t.name = thread for update;
  if found_thread.expires_at <= instant then
    perform mayfly_private.drop_threads(tenant, array[found_thread.id]);
    insert into mayfly.threads (tenant_id, name) values (tenant, thread) returning * into strict found_thread;
  end if;
  return found_thread;
end
$$;

comment on function mayfly_private.lock_thread is 'Locks a thread for writing.';
