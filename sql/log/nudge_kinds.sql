-- Broadcasts of this room that can be due: the log has something new.

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('log_appended', null, 'mayfly_private.log_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
