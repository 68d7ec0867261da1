-- The version of mayfly_private.words that new memories are written with. Maintenance rewrites rows with another
-- version in batches; until then they are found by their old words. Raise it with every change of words, searched or
-- a text search configuration.

create function mayfly_private.words_version()
returns smallint
language sql immutable parallel safe
set search_path = ''
return 2::smallint;

comment on function mayfly_private.words_version is 'The version of the search words that are written today.';
