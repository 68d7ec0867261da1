-- The types of operations that a push may have. A room registers its types in its operation_types.sql.

create table mayfly_private.operation_types (
  type text constraint operation_types_pkey primary key
    constraint operation_types_type_form check (type ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
  scope text not null,
  -- The function is a text that is resolved when it is used, because a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.operation_types is 'The types of operations that a push may contain.';
comment on column mayfly_private.operation_types.scope is 'The scope that an operation of this type needs.';
comment on column mayfly_private.operation_types.work is
  'The signature of a function of (tenant uuid, push jsonb, claimed uuid[]): it gets the whole push, checks all operations of its types, and applies those whose ids are claimed. It may change their results in mayfly_private.ops. It returns for how many operations it has charged a write.';

alter table mayfly_private.operation_types enable row level security;
