-- Where one version of the value of a channel is stored, according to the newest checkpoint of the thread that has this
-- version. The channels of a thread are its named values (docs/threads.md). Null if no checkpoint has the version.
-- Called by put_checkpoint and put_value, as owner.

create function mayfly_private.channel_at(thread mayfly.threads, ns text, channel text, version text)
returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select c.channels -> channel
  from mayfly.checkpoints c
  where c.tenant_id = thread.tenant_id and c.thread_id = thread.id and c.ns = channel_at.ns and c.channels -> channel ->> 0 = version
  order by c.id desc limit 1
$$;

comment on function mayfly_private.channel_at is 'Where the value of a version of a channel is stored.';
