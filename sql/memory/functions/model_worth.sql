-- What an embedding model is worth unless the caller says otherwise: the weight of its meaning beside the words', and the
-- similarity that two texts have which have nothing to do with each other. Called by mayfly_private.recall.
--
-- The development embedder knows words and their forms, no meaning: on Cranfield, weights of 0.1, 0.25, 0.5 and 1 give nDCG@10 of .530,
-- .529, .523 and .512, and the words alone .529. So it weighs little: it finds what is spelled another way.

create function mayfly_private.model_worth(model text, out meaning real, out unrelated real)
language sql immutable parallel safe
set search_path = ''
return case
  when model like 'mayfly-dev-%' then row(0.1::real, 0.1::real)
  when model like '%gte-small%' then row(1::real, 0.7::real)
  when model like 'text-embedding-3-%' then row(1::real, 0.15::real)
  else row(1::real, 0.3::real)
end;

comment on function mayfly_private.model_worth is 'The default weight of an embedding model.';
