-- Policies on realtime.messages. They are in a separate migration, because a hosted project allows only create policy
-- and drop policy on this table.

drop policy if exists mayfly_receive on realtime.messages;
create policy mayfly_receive on realtime.messages for select to authenticated
  using (mayfly_private.may_use_topic((select realtime.topic()), extension, false));

drop policy if exists mayfly_send on realtime.messages;
create policy mayfly_send on realtime.messages for insert to authenticated
  with check (mayfly_private.may_use_topic((select realtime.topic()), extension, true));
