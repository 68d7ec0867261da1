-- Refuses a question that is invalid for mayfly.recall, and names the invalid field. Locks nothing.

create function mayfly_private.check_recall(
  query text, embedding real[], model text, result_limit integer, similar_to uuid, surrounding integer
)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if char_length(query) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'query must have at most 10000 characters.', null, '{"field": "query"}');
  elsif coalesce(query, '') = '' and embedding is null and similar_to is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A recall needs a query, an embedding or similar_to.', null, '{"field": "query"}');
  elsif embedding is not null and cardinality(embedding) <> mayfly_private.embedding_dimensions() then
    perform mayfly_private.fail(400, 'invalid_request', format('embedding must have %s numbers.', mayfly_private.embedding_dimensions()), null, '{"field": "embedding"}');
  elsif embedding is not null and coalesce(model, '') = '' then
    perform mayfly_private.fail(400, 'invalid_request', 'An embedding needs the name of its model.', null, '{"field": "model"}');
  elsif result_limit is null or result_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 100.', null, '{"field": "limit"}');
  elsif surrounding is null or surrounding not between 0 and 5 then
    perform mayfly_private.fail(400, 'invalid_request', 'surrounding must be 0 to 5.', null, '{"field": "surrounding"}');
  end if;
end
$$;

comment on function mayfly_private.check_recall is 'Refuses an invalid question.';
