-- An immutable choice over listed languages: a generated column allows no lookup by name.

create function mayfly_private.text_search_config(language text)
returns regconfig
language sql immutable parallel safe
set search_path = ''
return case language
  when 'simple' then 'pg_catalog.simple'::regconfig
  when 'arabic' then 'pg_catalog.arabic'::regconfig
  when 'danish' then 'pg_catalog.danish'::regconfig
  when 'dutch' then 'pg_catalog.dutch'::regconfig
  when 'finnish' then 'pg_catalog.finnish'::regconfig
  when 'french' then 'pg_catalog.french'::regconfig
  when 'german' then 'pg_catalog.german'::regconfig
  when 'hungarian' then 'pg_catalog.hungarian'::regconfig
  when 'indonesian' then 'pg_catalog.indonesian'::regconfig
  when 'italian' then 'pg_catalog.italian'::regconfig
  when 'norwegian' then 'pg_catalog.norwegian'::regconfig
  when 'portuguese' then 'pg_catalog.portuguese'::regconfig
  when 'romanian' then 'pg_catalog.romanian'::regconfig
  when 'russian' then 'pg_catalog.russian'::regconfig
  when 'spanish' then 'pg_catalog.spanish'::regconfig
  when 'swedish' then 'pg_catalog.swedish'::regconfig
  when 'turkish' then 'pg_catalog.turkish'::regconfig
  else 'pg_catalog.english'::regconfig
end;

comment on function mayfly_private.text_search_config is 'The text search configuration of a language setting.';
