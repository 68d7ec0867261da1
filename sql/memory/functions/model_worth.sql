-- The default worth of an embedding model: the weight of meaning relative to words, and the similarity of two
-- unrelated texts. Called by mayfly_private.recall.
--
-- The development embedder knows words and their forms, but no meaning. On Cranfield, weights of 0.1, 0.25, 0.5 and 1
-- give nDCG@10 of .530, .529, .523 and .512, and words alone give .529. So it gets a small weight, which is enough to
-- find words that are spelled differently.

create function mayfly_private.model_worth(model text, out meaning real, out unrelated real)
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  meaning := case when model like 'mayfly-dev-%' then 0.1 else 1 end;
  unrelated := case
    when model like 'mayfly-dev-%' then 0.1
    when model like '%gte-small%' then 0.7
    when model like 'text-embedding-3-%' then 0.15
    else 0.3
  end;
end
$$;

comment on function mayfly_private.model_worth is 'The default weight of an embedding model.';
