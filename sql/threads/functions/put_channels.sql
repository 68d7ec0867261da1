-- Stores the values that are new in a checkpoint of a locked thread. Returns { channels, bytes }: the place of each
-- channel's value, and the stored bytes. Other values stay where the parent, or another checkpoint with the same
-- version, has them. If the checkpoint is put again, its values stay where they are. Called by put_checkpoint, as
-- owner.

create function mayfly_private.put_channels(
  thread mayfly.threads, ns text, id text, parent text, versions jsonb, channel_values jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  before constant jsonb := (
    select c.channels from mayfly.checkpoints c
    where c.tenant_id = thread.tenant_id and c.thread_id = thread.id and c.ns = put_channels.ns and c.id = put_channels.parent);
  present constant jsonb := (
    select c.channels from mayfly.checkpoints c
    where c.tenant_id = thread.tenant_id and c.thread_id = thread.id and c.ns = put_channels.ns and c.id = put_channels.id);
  found_channels jsonb := '{}';
  stored bigint := 0;
  named record;
  given jsonb;
  made jsonb;
begin
  for named in select v.key, v.value from jsonb_each(versions) v loop
    if char_length(named.key) not between 1 and 500 or char_length(named.value #>> '{}') not between 1 and 100
      or jsonb_typeof(named.value) not in ('number', 'string') then
      perform mayfly_private.refuse_thread('channel_versions', 'an object of numbers or texts of 1 to 100 characters, with names of 1 to 500 characters');
    end if;
    given := (select g from jsonb_array_elements(channel_values) g where g ->> 'channel' = named.key limit 1);
    if present -> named.key -> 0 = named.value then
      made := jsonb_build_object('at', present -> named.key, 'bytes', 0);
    elsif given is not null then
      made := mayfly_private.put_value(thread, ns, parent, given, named.value);
    elsif before -> named.key -> 0 = named.value then
      made := jsonb_build_object('at', before -> named.key, 'bytes', 0);
    else
      made := jsonb_build_object('bytes', 0, 'at',
        coalesce(mayfly_private.channel_at(thread, ns, named.key, named.value #>> '{}'), jsonb_build_array(named.value)));
    end if;
    found_channels := found_channels || jsonb_build_object(named.key, made -> 'at');
    stored := stored + (made ->> 'bytes')::bigint;
  end loop;
  return jsonb_build_object('channels', found_channels, 'bytes', stored);
end
$$;

comment on function mayfly_private.put_channels is 'Stores the values that are new in a checkpoint.';
