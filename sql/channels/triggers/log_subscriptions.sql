-- Logs who subscribed to a channel and who left it, once per statement. Runs as owner, because clients have no INSERT
-- on the log. When the channel itself is deleted, only its deletion is logged, not the end of each subscription.

create function mayfly_private.log_subscriptions()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  tenants uuid[];
begin
  if tg_op = 'INSERT' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.subscribed',
        (select a.id from mayfly.agents a where a.tenant_id = n.tenant_id and a.id = n.subscriber_id), n.channel_id
      from new_rows n
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  else
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select o.tenant_id, mayfly_private.current_epoch(), 'channel.unsubscribed',
        (select a.id from mayfly.agents a where a.tenant_id = o.tenant_id and a.id = o.subscriber_id), o.channel_id
      from old_rows o join mayfly.channels c on c.tenant_id = o.tenant_id and c.id = o.channel_id
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  end if;
  perform mayfly_private.nudge(t, null) from unnest(tenants) t;
  return null;
end
$$;

comment on function mayfly_private.log_subscriptions is 'Trigger: logs who subscribed and unsubscribed.';

create trigger channel_subscriptions_log_insert after insert on mayfly.channel_subscriptions
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_subscriptions();

create trigger channel_subscriptions_log_delete after delete on mayfly.channel_subscriptions
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_subscriptions();
