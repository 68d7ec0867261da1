-- Stores a checkpoint. Locks the thread until commit, then a shard of usage.

create function mayfly_private.put_checkpoint(
  thread text, checkpoint text, body text, channel_versions jsonb, metadata jsonb, ns text, parent text, channel_values jsonb,
  expires_in integer
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('thread:write');
  own_thread mayfly.threads;
  stored jsonb;
  size integer;
  replaced integer;
begin
  if coalesce(char_length(checkpoint), 0) not between 1 and 100 then
    perform mayfly_private.refuse_thread('checkpoint', 'a text of 1 to 100 characters');
  elsif ns is null or char_length(ns) > 1000 then
    perform mayfly_private.refuse_thread('ns', 'a text of at most 1000 characters');
  elsif char_length(parent) not between 1 and 100 then
    perform mayfly_private.refuse_thread('parent', 'a text of 1 to 100 characters, or null');
  elsif body is null or octet_length(body) > 1000000 then
    perform mayfly_private.refuse_thread('body', 'a text of at most 1000000 bytes');
  elsif not coalesce(jsonb_typeof(channel_versions) = 'object' and pg_column_size(channel_versions) <= 262144, false) then
    perform mayfly_private.refuse_thread('channel_versions', 'an object of at most 256 KB');
  elsif not coalesce(jsonb_typeof(metadata) = 'object' and mayfly_private.json_within(metadata, 262144, 32), false) then
    perform mayfly_private.refuse_thread('metadata', 'an object of at most 256 KB with at most 32 levels');
  elsif not coalesce(jsonb_typeof(channel_values) = 'array' and jsonb_array_length(channel_values) <= 1000
    and octet_length(channel_values::text) <= 16777216, false) then
    perform mayfly_private.refuse_thread('channel_values', 'a list of at most 1000 values with at most 16 MB');
  end if;
  own_thread := mayfly_private.lock_thread(tenant, thread, expires_in);
  stored := mayfly_private.put_channels(own_thread, ns, checkpoint, parent, channel_versions, channel_values);
  size := 256 + octet_length(body) + pg_column_size(stored -> 'channels') + pg_column_size(metadata);
  delete from mayfly.checkpoints c
  where c.tenant_id = tenant and c.thread_id = own_thread.id and c.ns = put_checkpoint.ns and c.id = checkpoint
  returning c.bytes into replaced;
  insert into mayfly.checkpoints (tenant_id, thread_id, ns, id, parent, body, channels, metadata, bytes)
  values (tenant, own_thread.id, ns, checkpoint, parent, body, stored -> 'channels', metadata, size);
  perform mayfly_private.charge_thread(own_thread, (stored ->> 'bytes')::bigint + size - coalesce(replaced, 0), expires_in, 1);
  return jsonb_build_object('thread', own_thread.name, 'ns', ns, 'id', checkpoint);
end
$$;

comment on function mayfly_private.put_checkpoint is 'Stores a checkpoint.';
grant execute on function mayfly_private.put_checkpoint to authenticated, service_role;

-- Stores the state of a thread after a step, with the values that are new in it. Replaces a checkpoint with the same
-- id. Creates the thread if there is none. With expires_in, the whole thread expires after that many seconds. Scope
-- thread:write.

create function mayfly.put_checkpoint(
  thread text, checkpoint text, body text, channel_versions jsonb, metadata jsonb default '{}', ns text default '', parent text default null,
  channel_values jsonb default '[]', expires_in integer default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.put_checkpoint(thread, checkpoint, body, channel_versions, metadata, ns, parent, channel_values, expires_in);

comment on function mayfly.put_checkpoint is
  'Stores a checkpoint of a thread. channel_values: [{ channel, version, part, base }]. With base, part continues the list that the channel had at that version.';
grant execute on function mayfly.put_checkpoint to authenticated, service_role;
