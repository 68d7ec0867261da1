-- How many bytes the tenant is charged for each row of this room's tables. The rate of spawns (172,800 a day by
-- default) limits the number of agents and registrations, so only what is written is charged. Both tables are lenient
-- (see meter_rows), so that a full tenant can still spawn agents to free space.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.agents', 0, '{name,task,capabilities,metadata,suspend_reason,stop_reason}', true),
  ('mayfly.agent_types', 256, '{name,role,description,prompt,capabilities,scopes,metadata}', false),
  ('mayfly.enrolment_keys', 256, '{name,scopes}', false),
  ('mayfly_private.registrations', 0, '{key}', true)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.agent_liveness', 'one row per agent'),
  ('mayfly_private.enrolment_secrets', 'one row per enrolment key'),
  ('mayfly_private.renewal_secrets', 'two rows per agent'),
  ('mayfly_private.spawn_buckets', 'one row per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
