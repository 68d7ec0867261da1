-- What mayfly.usage shows of this room.

insert into mayfly_private.usage_counts (name, work) values ('agents', 'mayfly_private.agent_usage(uuid)')
on conflict (name) do update set work = excluded.work;
