-- The operations of this room.

insert into mayfly_private.operation_types (type, scope, work) values
  ('memory.put', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.update', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.delete', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])')
on conflict (type) do update set scope = excluded.scope, work = excluded.work;
