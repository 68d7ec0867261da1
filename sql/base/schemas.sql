-- The Data API exposes the schema mayfly. The schema mayfly_private has what the Data API does not expose, because only
-- the database itself uses it.

create schema mayfly;
comment on schema mayfly is 'Mayfly: tenants, their agents, what the agents learned, and the log of what happened.';
grant usage on schema mayfly to authenticated, service_role;

create schema mayfly_private;
comment on schema mayfly_private is 'Mayfly''s definer functions and bookkeeping. Never expose it through the Data API.';
grant usage on schema mayfly_private to authenticated, service_role;
