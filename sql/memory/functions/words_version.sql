-- Which version of mayfly_private.words the memories of today are written with. Rows with another are written again by
-- maintenance, in batches, and found by their old words until then. Raise it with every change of words, searched or
-- a text search configuration.

create function mayfly_private.words_version()
returns smallint
language sql immutable parallel safe
set search_path = ''
return 2::smallint;

comment on function mayfly_private.words_version is 'The version of the search words that are written today.';
