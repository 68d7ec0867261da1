-- A new secret: the prefix and two random UUIDs, which have 244 random bits together. Called by functions that return
-- the secret once and store only its hash.

create function mayfly_private.new_secret(prefix text)
returns text
language sql volatile
set search_path = ''
return prefix || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

comment on function mayfly_private.new_secret is 'A new secret of 244 random bits.';
