-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.teams', 1024, '{name,task,metadata}', false),
  ('mayfly.polls', 1536, '{question,options,voters,weights,key}', false),
  ('mayfly.tenders', 512, '{job,capabilities}', false),
  ('mayfly_private.cast_ballots', 256, '{choice,reason}', false),
  ('mayfly_private.sealed_bids', 256, '{note}', false),
  ('mayfly.assignments', 384, '{work,capabilities}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

-- Closing a poll or a tender only moves rows that are already charged, so closing is never refused.
insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.ballots', 256, '{choice,reason}', true),
  ('mayfly.bids', 256, '{note}', true)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.team_members', 'one row per agent in a team, and 1000 rows per team'),
  ('mayfly.team_alerts', 'the members of running teams, and what they wrote'),
  ('mayfly_private.agent_loads', 'two rows for each assignment'),
  ('mayfly_private.team_pulses', 'one row per member of a team'),
  ('mayfly.track_records', 'the assignments that were rated, at most 10000 rows per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
