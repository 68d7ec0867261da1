-- How many bytes the rows of this room's table are charged.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.workflow_graphs', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;
