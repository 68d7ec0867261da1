-- A message in the form that readers get, without its other recipients. Every function that returns messages
-- calls it.

create function mayfly_private.show_message(message mayfly.messages)
returns jsonb
language sql stable
set search_path = ''
return jsonb_build_object(
  'id', message.id,
  'type', message.type,
  'sender_id', message.sender_id,
  'sender_kind', message.sender_kind,
  'to', message.target,
  'conversation_id', message.conversation_id,
  'correlation_id', message.correlation_id,
  'reply_to', message.reply_to,
  'priority', message.priority,
  'reply_required', message.reply_required,
  'deadline', message.deadline,
  'payload', message.payload,
  'attachments', message.attachments,
  'sent_at', message.sent_at) || case when message.trace is null then '{}' else jsonb_build_object('trace', message.trace) end;

comment on function mayfly_private.show_message is 'A message in the form that readers get.';
