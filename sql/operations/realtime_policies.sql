-- Policies on realtime.messages: a migration of its own, with nothing but create and drop policy,
-- which is all that a hosted project allows there.

drop policy if exists mayfly_receive on realtime.messages;
create policy mayfly_receive on realtime.messages for select to authenticated
  using (mayfly_private.may_use_topic((select realtime.topic()), extension, false));

drop policy if exists mayfly_send on realtime.messages;
create policy mayfly_send on realtime.messages for insert to authenticated
  with check (mayfly_private.may_use_topic((select realtime.topic()), extension, true));
