-- How the rows of a table come back from an export (mayfly.import_tenant). The rows of a table that no room registers
-- come back as they are. A room registers in its imports.sql what has to change. After an import, nothing is running or
-- waiting, so the row of anything that was under way comes back as ended.

create table mayfly_private.imports (
  relation text constraint imports_pkey primary key,
  sets jsonb not null default '{}' constraint imports_sets_object check (jsonb_typeof(sets) = 'object'),
  rows text,
  left_out text,
  constraint imports_left_out_alone check (left_out is null or (rows is null and sets = '{}'))
);

comment on table mayfly_private.imports is 'How the rows of tables come back from an export. Tables that are not here come back as they are.';
comment on column mayfly_private.imports.sets is 'For each column to change, an SQL expression over a row r of the export that gives the new value.';
comment on column mayfly_private.imports.rows is 'A condition over a row r of the export. Other rows are left out.';
comment on column mayfly_private.imports.left_out is 'Why no row comes back.';

alter table mayfly_private.imports enable row level security;
