-- Which topics somebody listens to, and until when: a lease ends by itself, so that for a reader that has gone
-- nothing is broadcast. One row for all who listen to a topic. Inboxes are not here but for the nudges of
-- their owner's log: who reads an inbox stands in mayfly.inboxes. Written by listen.

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
