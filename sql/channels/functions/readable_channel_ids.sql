-- The channels that the caller may read. With message:read, these are broadcast channels, channels that the caller
-- created, channels that name it as a publisher, and those to which it has subscribed. With message:admin as well,
-- these are all channels. Policies call it once per statement. Runs as owner, because it reads the tables that these
-- policies protect. Locks nothing.

create function mayfly_private.readable_channel_ids()
returns uuid[]
language sql stable security definer
set search_path = ''
return (
  select coalesce(array_agg(c.id), '{}')
  from (select mayfly_private.caller_id() as id, mayfly_private.tenant_ids('message:read') as reads,
    mayfly_private.tenant_ids('message:admin') as administers) who
  join mayfly.channels c on c.tenant_id = any (who.reads)
  where c.kind = 'broadcast' or c.tenant_id = any (who.administers)
    or c.created_by = who.id or who.id = any (c.publishers)
    or exists (select from mayfly.channel_subscriptions s
      where s.tenant_id = c.tenant_id and s.channel_id = c.id and s.subscriber_id = who.id)
);

comment on function mayfly_private.readable_channel_ids is 'The channels that the caller may read.';
grant execute on function mayfly_private.readable_channel_ids to authenticated;
