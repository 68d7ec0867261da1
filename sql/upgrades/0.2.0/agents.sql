-- Null for those that were spawned before: each new token goes on to give them their lifetime again. One that is not
-- null would have to be written into every row, which Postgres refuses while functions take rows of the table.
alter table mayfly.agents add column renews boolean;
alter table mayfly.agents alter column renews set default false;
