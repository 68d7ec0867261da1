-- The broadcasts of this room that can be due: those that tell an agent what it has to record from now on. Nobody
-- leases an agent's inbox topic, because the agent always listens to it (hears_debug).

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('debug_level', 'mayfly_private.hears_debug(uuid, text)', 'mayfly_private.debug_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
