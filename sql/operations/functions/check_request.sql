-- Refuses requests for row estimates and plans of the schema mayfly. Everybody can see the planner's estimates, and
-- `Prefer: count=planned` or `count=estimated` would return such an estimate. Such an estimate would reveal whether
-- another tenant exists, and how large that tenant is. Every other request passes.
--
-- No migration switches it on: `mayfly doctor` prints the statement (pgrst.db_pre_request of the role authenticator).
-- The Data API then calls it before every request of every schema with the caller's role, including anon and your own
-- roles. So it reads nothing but settings, and locks nothing.
--
-- The Data API puts the schema of the request first in search_path. The default of a parameter is evaluated where the
-- function is called, so the default of `path` contains that schema. Headers do not reveal the schema, because the
-- default schema needs no header, and if a header is sent twice, only one of them is visible.

create or replace function mayfly_gate.check_request(path text default current_setting('search_path'))
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  headers constant jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
  if split_part(path, ',', 1) in ('mayfly', '"mayfly"') and (
    headers ->> 'prefer' ~* 'count\s*=\s*"?\s*(planned|estimated)' or headers ->> 'accept' ~* 'vnd\.pgrst\.plan')
  then
    raise sqlstate 'PGRST' using
      message = jsonb_build_object('code', 'estimates_refused',
        'message', 'The schema mayfly refuses row estimates and plans, because they include every tenant''s rows.',
        'hint', 'Ask for count=exact, or for no count.')::text,
      detail = '{"status": 400, "headers": {}}';
  end if;
end
$$;

comment on function mayfly_gate.check_request is
  'Refuses count=planned, count=estimated and plans of the schema mayfly. For pgrst.db_pre_request.';
