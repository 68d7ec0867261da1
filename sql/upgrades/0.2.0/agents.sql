-- Null for agents that were spawned before: each new token still starts their lifetime again. A value would have to
-- be written into every row, which Postgres refuses while functions use the table's row type.
alter table mayfly.agents add column renews boolean;
alter table mayfly.agents alter column renews set default false;
