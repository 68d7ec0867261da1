-- The broadcasts of this room that can be due: those that tell an agent that it was stopped or suspended. Nobody leases
-- an agent's inbox topic, because the agent always listens to it (hears_control).

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('control', 'mayfly_private.hears_control(uuid, text)', 'mayfly_private.control_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
