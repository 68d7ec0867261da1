-- Logs which messages were acknowledged and by whom, once per statement. The events are for the senders, or for the
-- admins if the secret key sent the messages. Runs as owner, because clients have no INSERT on the log.

create function mayfly_private.log_acknowledgements()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if not exists (select from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.recipient_id = n.recipient_id and o.seq = n.seq
      where n.acknowledged_at is not null and o.acknowledged_at is null) then
    return null;
  end if;
  insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
  select n.tenant_id, e.epoch, coalesce(n.sender_id, n.tenant_id), 'message.acknowledged', a.id, n.message_id
  from (select mayfly_private.current_epoch() as epoch) e, new_rows n
  join old_rows o on o.tenant_id = n.tenant_id and o.recipient_id = n.recipient_id and o.seq = n.seq
  left join mayfly.agents a on a.tenant_id = n.tenant_id and a.id = n.recipient_id
  where n.acknowledged_at is not null and o.acknowledged_at is null
  order by n.recipient_id, n.seq;
  perform case when t.sender_id is null
    then mayfly_private.nudge_people(t.tenant_id)
    else mayfly_private.nudge(t.tenant_id, t.sender_id) end
  from (select distinct n.tenant_id, n.sender_id from new_rows n where n.acknowledged_at is not null) t;
  return null;
end
$$;

comment on function mayfly_private.log_acknowledgements is 'Trigger: logs which messages were acknowledged.';

create trigger deliveries_log_update after update on mayfly.deliveries
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_acknowledgements();
