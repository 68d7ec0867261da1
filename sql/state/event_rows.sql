-- The versions of states are sent together with the events that report the changes.

insert into mayfly_private.event_rows (entity, work) values
  ('state', 'mayfly_private.state_rows(uuid, jsonb, jsonb, bigint)')
on conflict (entity) do update set work = excluded.work;
