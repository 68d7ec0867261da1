-- Broadcasts of this room that can be due: what an agent has to record from now on. The inbox topic of an agent
-- is not leased.

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('debug_level', 'mayfly_private.hears_debug(uuid, text)', 'mayfly_private.debug_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
