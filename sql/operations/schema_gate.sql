-- A separate schema for functions that the Data API may call as any role of the project. Everybody has usage on it, so
-- it contains no table and no definer function. This schema stays when the other two schemas are dropped. If it were
-- dropped while pgrst.db_pre_request names a function in it, the API of the whole project would fail.

create schema if not exists mayfly_gate;
comment on schema mayfly_gate is 'Mayfly''s pre-request function for the Data API. Reset pgrst.db_pre_request before you drop it.';
grant usage on schema mayfly_gate to public;
