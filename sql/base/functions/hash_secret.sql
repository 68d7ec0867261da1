-- How secrets are kept: SHA-256 alone, since 244 random bits need no salt and no slowness.

create function mayfly_private.hash_secret(secret text)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(secret, 'UTF8'));

comment on function mayfly_private.hash_secret is 'SHA-256 of a secret.';
