-- The private Realtime topics, tenant:{t}:{name} or tenant:{t}:{name}:{part}, and who may use each. A room registers
-- its topics in its topics.sql.

create table mayfly_private.topics (
  name text constraint topics_pkey primary key constraint topics_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  -- How many parts the whole topic has. Nobody may use a topic with more or fewer parts.
  parts integer not null constraint topics_parts_known check (parts in (3, 4)),
  rule text not null
);

comment on table mayfly_private.topics is 'The private Realtime topics, and who may use each.';
comment on column mayfly_private.topics.rule is
  'The signature of a stable function of (tenant uuid, part text, extension text, sending boolean) that returns whether the caller may use the topic.';

alter table mayfly_private.topics enable row level security;
