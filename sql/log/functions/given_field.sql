-- The name of an operation's field in the form in which the operation was sent. An operation in the form from before
-- 0.2 has one part instead of subject and body, and `old` is the name of that part. For example, `subject` then becomes
-- `memory.id`, and `body.task` becomes `memory.task`.

create function mayfly_private.given_field(op jsonb, field text)
returns text
language sql immutable
set search_path = ''
return case
  when jsonb_typeof(op) is distinct from 'object' or not op ? 'old' then field
  when field = 'subject' then op ->> 'old' || '.id'
  else regexp_replace(field, '^body', op ->> 'old')
end;

comment on function mayfly_private.given_field is 'The name of an operation''s field in the form in which it was sent.';
