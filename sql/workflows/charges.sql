-- What the rows of this room's table are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.workflow_graphs', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;
