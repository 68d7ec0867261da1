-- The digest of what is asked: SHA-256 of the canonical JSON. Of two jsonb values that are equal the texts are, but for
-- the scale of numbers, which trim_scale takes away: 1 and 1.0 are one argument.

create function mayfly_private.approval_digest(input jsonb)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(mayfly_private.canonical(input)::text, 'UTF8'));

comment on function mayfly_private.approval_digest is 'SHA-256 of a JSON value in its canonical form.';
