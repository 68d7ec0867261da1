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
  ts constant timestamptz := mayfly_private.now();
begin
  perform pg_notify('mayfly:' || tenant, case when octet_length(t.told) <= 7900 then t.told
    else jsonb_build_object('topic', topic, 'event', event, 'payload',
      jsonb_strip_nulls(jsonb_build_object('seq', payload -> 'seq', 'attempt', payload -> 'attempt', 'session', payload -> 'session')))::text end)
  from mayfly_private.postgres_listeners l
  cross join lateral (select jsonb_build_object('topic', topic, 'event', event, 'payload', payload)::text as told) t
  where l.tenant_id = tenant and l.until > ts;
end
$$;

comment on function mayfly_private.notify is 'Sends a broadcast on a topic by NOTIFY as well.';
