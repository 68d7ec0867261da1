-- The name of an operation's field in the form in which the operation was sent. An operation from before 0.2 has one
-- part instead of subject and body, and `old` has the name of that part. There, `subject` is `memory.id`, and
-- `body.task` is `memory.task`.

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
