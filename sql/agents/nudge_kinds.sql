-- Broadcasts of this room that can be due: an agent was stopped or suspended. The inbox topic of an agent is
-- not leased.

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('control', 'mayfly_private.hears_control(uuid, text)', 'mayfly_private.control_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
