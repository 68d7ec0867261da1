-- Chooses from a fixed list of languages. So the function is immutable, and the search words of a memory depend only on
-- the memory.

create function mayfly_private.text_search_config(language text)
returns regconfig
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case language
    when 'simple' then 'mayfly_private.simple'::regconfig
    when 'arabic' then 'mayfly_private.arabic'::regconfig
    when 'danish' then 'mayfly_private.danish'::regconfig
    when 'dutch' then 'mayfly_private.dutch'::regconfig
    when 'finnish' then 'mayfly_private.finnish'::regconfig
    when 'french' then 'mayfly_private.french'::regconfig
    when 'german' then 'mayfly_private.german'::regconfig
    when 'hungarian' then 'mayfly_private.hungarian'::regconfig
    when 'indonesian' then 'mayfly_private.indonesian'::regconfig
    when 'italian' then 'mayfly_private.italian'::regconfig
    when 'norwegian' then 'mayfly_private.norwegian'::regconfig
    when 'portuguese' then 'mayfly_private.portuguese'::regconfig
    when 'romanian' then 'mayfly_private.romanian'::regconfig
    when 'russian' then 'mayfly_private.russian'::regconfig
    when 'spanish' then 'mayfly_private.spanish'::regconfig
    when 'swedish' then 'mayfly_private.swedish'::regconfig
    when 'turkish' then 'mayfly_private.turkish'::regconfig
    else 'mayfly_private.english'::regconfig
  end;
end
$$;

comment on function mayfly_private.text_search_config is 'The text search configuration of a language setting.';
