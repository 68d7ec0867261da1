-- The digest of an approval's input: SHA-256 of its canonical JSON. Two equal jsonb values have the same text, except
-- for trailing zeros of numbers. mayfly_private.canonical removes these zeros, so 1 and 1.0 are the same argument.

create function mayfly_private.approval_digest(input jsonb)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(mayfly_private.canonical(input)::text, 'UTF8'));

comment on function mayfly_private.approval_digest is 'SHA-256 of a JSON value in its canonical form.';
