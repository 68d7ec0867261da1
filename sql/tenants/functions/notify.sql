-- Sends each broadcast by NOTIFY as well, for clients with their own database connection. It uses the NOTIFY channel
-- mayfly:{tenant}, and sends {"topic": …, "event": …, "payload": …}. A NOTIFY has at most 8,000 bytes. If a payload
-- does not fit, only its fields for number, attempt and session are sent, and the reader uses them to ask for the
-- rest.
--
-- If no client holds a lease, nothing is sent, because transactions that notify wait for each other's commit in the
-- whole cluster. Locks nothing else.

create function mayfly_private.notify(topic text, event text, payload jsonb)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.to_uuid(split_part(topic, ':', 2));
  told text;
begin
  if not exists (select from mayfly_private.postgres_listeners l where l.tenant_id = tenant and l.until > mayfly_private.now()) then
    return;
  end if;
  told := jsonb_build_object('topic', topic, 'event', event, 'payload', payload)::text;
  if octet_length(told) > 7900 then
    told := jsonb_build_object('topic', topic, 'event', event, 'payload',
      jsonb_strip_nulls(jsonb_build_object('seq', payload -> 'seq', 'attempt', payload -> 'attempt', 'session', payload -> 'session')))::text;
  end if;
  perform pg_notify('mayfly:' || tenant, told);
end
$$;

comment on function mayfly_private.notify is 'Sends a broadcast on a topic by NOTIFY as well.';
