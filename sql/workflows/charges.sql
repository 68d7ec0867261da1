-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.workflow_graphs', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;
