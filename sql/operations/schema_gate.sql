-- Apart from mayfly, for what the Data API may call as any role of the project: usage is everybody's, and
-- there is neither a table in it nor a definer function. It stays when the other two schemas are dropped:
-- while pgrst.db_pre_request names a function of it, dropping it takes the whole project's API down.

create schema if not exists mayfly_gate;
comment on schema mayfly_gate is 'Mayfly''s pre-request function for the Data API. Reset pgrst.db_pre_request before you drop it.';
grant usage on schema mayfly_gate to public;
