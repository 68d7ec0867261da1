-- Who may see what. Every function call in a policy is wrapped in a select, so that it is evaluated once per statement.
--
-- There is only one way to write. Only the owner has INSERT, UPDATE, DELETE or TRUNCATE on any table of either schema,
-- and policies are only for SELECT. Every write goes through a definer function of mayfly_private or a trigger, which
-- checks and charges the write and updates the clocks. A write that bypasses them can do great harm: a single PATCH
-- that changed a version once stopped the maintenance of every tenant.

alter table mayfly.scopes enable row level security;

grant select on mayfly.scopes to authenticated, service_role;

create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);
