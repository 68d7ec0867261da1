-- The version of mayfly_private.words with which new memories are written. Maintenance rewrites rows of other versions
-- in batches. Until then, they are found by their old words. Raise this number whenever you change words, searched or a
-- text search configuration.

create function mayfly_private.words_version()
returns smallint
language sql immutable parallel safe
set search_path = ''
return 2::smallint;

comment on function mayfly_private.words_version is 'The current version of the search words.';
