-- What a broadcast of a message carries: all of it up to 64 KB, else its number alone, which its reader
-- then asks for. Called by send_messages. In PL/pgSQL, so that it finds realtime.send when it runs: a
-- body that is parsed once would keep Realtime from replacing that function by dropping it.

create function mayfly_private.announce(topic text, numbers jsonb, message mayfly.messages)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  perform realtime.send(
    case when octet_length(message.payload::text) + octet_length(message.attachments::text) <= 65536
      then numbers || mayfly_private.show_message(message)
      else numbers end,
    'message', topic, true);
end
$$;

comment on function mayfly_private.announce(text, jsonb, mayfly.messages) is 'Broadcasts a message to its readers.';
revoke execute on function mayfly_private.announce(text, jsonb, mayfly.messages) from public;
