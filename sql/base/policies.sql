-- Who may see what. Every call is wrapped in a select, so that it is evaluated once a statement.
--
-- One door for writes: nobody but the owner has INSERT, UPDATE, DELETE or TRUNCATE on any table of either
-- schema, and no policy is for anything but SELECT. Every write is a definer function of mayfly_private or a
-- trigger, which checks, charges and keeps the clocks. A write past them is one that nobody has checked: one
-- PATCH of a version once ended the maintenance of every tenant.

alter table mayfly.scopes enable row level security;

grant select on mayfly.scopes to authenticated, service_role;

create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);
