-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('approval:read', 'See approvals and what was decided.', '{viewer,member,admin,owner}', true, true),
  ('approval:request', 'Ask for an approval, and withdraw your own requests.', '{member,admin,owner}', true, true),
  ('approval:decide', 'Approve, reject, change and delegate approvals of others.', '{member,admin,owner}', true, false),
  ('approval:admin', 'Set what needs an approval, and withdraw any approval.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
