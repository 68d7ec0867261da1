-- Until now each new token gave its agent its lifetime again: those that were spawned so go on so.
alter table mayfly.agents add column renews boolean not null default true;
alter table mayfly.agents alter column renews set default false;
