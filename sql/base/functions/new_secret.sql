-- A new secret with its prefix: two random UUIDs, 244 bits. Called by functions that return it once and store its
-- hash.

create function mayfly_private.new_secret(prefix text)
returns text
language sql volatile
set search_path = ''
return prefix || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

comment on function mayfly_private.new_secret is 'A new secret of 244 random bits.';
