-- The topics to which somebody listens, and until when. A lease ends unless it is renewed, so nothing is broadcast for
-- a reader that is gone. All listeners of a topic share one row. Messages in inboxes need no row, because
-- mayfly.inboxes has the readers. An inbox topic is here only for the nudges of the log that are sent there. Written by
-- listen.

create table mayfly_private.listeners (
  tenant_id uuid not null,
  topic text not null,
  until timestamptz not null,
  constraint listeners_pkey primary key (tenant_id, topic),
  constraint listeners_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.listeners is 'The topics to which somebody listens, and until when.';

alter table mayfly_private.listeners enable row level security;
