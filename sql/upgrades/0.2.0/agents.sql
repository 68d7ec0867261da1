-- Null for agents that were spawned before 0.2: each new token still restarts their lifetime. The column has no
-- default, because a default would have to be written into every row, and Postgres refuses that while functions use
-- the table's row type.
alter table mayfly.agents add column renews boolean;
alter table mayfly.agents alter column renews set default false;
