-- Appends sent messages to the log, once per statement. The events are for the recipient if there is one, and otherwise
-- for the tenant. Runs as owner, because clients have no INSERT on the log. Whoever listens to an inbox gets the
-- message itself, so only people who watch the log have to be nudged.

create function mayfly_private.log_messages()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
  select n.tenant_id, of_epoch, (n.target ->> 'agent')::uuid, 'message.sent',
    case n.sender_kind when 'agent' then n.sender_id end, n.id
  from new_rows n
  order by n.sent_at, n.id;
  perform case when exists (select from mayfly.inboxes b
    where b.tenant_id = t.tenant_id and b.recipient_id = t.audience and b.session is not null)
    then mayfly_private.nudge_people(t.tenant_id)
    else mayfly_private.nudge(t.tenant_id, t.audience) end
  from (select distinct n.tenant_id, (n.target ->> 'agent')::uuid as audience from new_rows n) t;
  return null;
end
$$;

comment on function mayfly_private.log_messages is 'Trigger: logs which messages were sent.';

create trigger messages_log_insert after insert on mayfly.messages
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_messages();
