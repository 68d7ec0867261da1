-- Hashes a secret with plain SHA-256. A secret of 244 random bits needs no salt and no slow hash.

create function mayfly_private.hash_secret(secret text)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(secret, 'UTF8'));

comment on function mayfly_private.hash_secret is 'SHA-256 of a secret.';
