-- Refuses edge functions of a release that this database does not support. The database supports its own release and
-- the one before. Edge functions send their version in the header x-mayfly-functions. Other callers, and the edge
-- functions of 0.1.0, send no such header. Releases that differ only in the patch number count as equal. Called by
-- mayfly_private.caller and renew_agent. Locks nothing.

create function mayfly_private.check_version(functions text)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  form constant text := '^(\d{1,6})\.(\d{1,6})\.\d';
  release constant jsonb := mayfly_private.release();
  deployed constant integer[] := regexp_match(functions, form)::integer[];
  installed constant integer[] := regexp_match(release ->> 'installed', form)::integer[];
begin
  if deployed <= installed and deployed >= regexp_match(release ->> 'serves', form)::integer[] then
    return;
  end if;
  perform mayfly_private.fail(503, 'version_unsupported',
    format('The edge functions have version %s, but the database works with %s to %s.',
      coalesce((regexp_match(functions, '^\d{1,6}\.\d{1,6}\.\d{1,6}'))[1], 'an unknown version'), release ->> 'serves', release ->> 'installed'),
    case when deployed > installed then 'Run npx supabase db push, because the database must be upgraded before the functions.'
      else 'Deploy the functions of the same release: npx supabase functions deploy spawn sync query.' end,
    release);
end
$$;

comment on function mayfly_private.check_version is 'Refuses edge functions of a release that this database does not support.';
