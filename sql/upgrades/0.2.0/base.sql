alter table mayfly.scopes add column by_default boolean not null default false;
