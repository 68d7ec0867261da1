-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('team.created', 'team:read', null, 'A team was made.'),
  ('team.joined', 'team:read', null, 'Agents have joined a team.'),
  ('team.ended', 'team:read', null, 'A team has ended, with its members.'),
  ('poll.opened', 'team:read', null, 'A poll was opened.'),
  ('poll.closed', 'team:read', null, 'A poll was closed, and its ballots can be seen.'),
  ('poll.cancelled', 'team:read', null, 'A poll was withdrawn.'),
  ('tender.opened', 'team:read', null, 'Work was offered for bids.'),
  ('tender.awarded', 'team:read', null, 'A bid won, and its job was added.'),
  ('tender.failed', 'team:read', null, 'No bid could win.'),
  ('tender.cancelled', 'team:read', null, 'An offer of work was withdrawn.'),
  ('job.assigned', 'team:read', null, 'A job was given to an agent.'),
  ('team.alert', 'team:read', null, 'Something is going wrong in a team.'),
  ('team.alert_handled', 'team:read', null, 'Something was done about an alert.'),
  ('job.rated', 'team:read', null, 'The result of an assigned job was rated.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
