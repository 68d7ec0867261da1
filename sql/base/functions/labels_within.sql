-- Whether a list has at most this many texts, each with 1 to 100 characters.

create function mayfly_private.labels_within(labels text[], max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return cardinality(labels) <= max_count
  and not exists (select from unnest(labels) label where label is null or char_length(label) not between 1 and 100);

comment on function mayfly_private.labels_within is 'Whether a list of short texts is within its bounds.';
