-- Deletes vectors. Locks the vectors that it deletes, skipping those that other transactions hold, and the settlements
-- of their models.

create function mayfly_private.forget_vectors(model text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  other text;
  deleted integer;
  unsettled bigint;
  total integer := 0;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;

  for other in
    -- Moves from one model to the next through the index, without reading the vectors between.
    with recursive models as (
      (select v.model from mayfly.memory_vectors v where v.tenant_id = tenant order by v.model limit 1)
      union all
      select (select v.model from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model > m.model order by v.model limit 1)
      from models m where m.model is not null
    )
    select m.model from models m where m.model <> forget_vectors.model
  loop
    with old as (
      select v.memory_id from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = other and exists (
        select from mayfly.memory_vectors n
        where n.tenant_id = tenant and n.model = forget_vectors.model and n.memory_id = v.memory_id)
      order by v.memory_id
      limit max_rows - total
      for update of v skip locked
    ), gone as (
      delete from mayfly.memory_vectors v using old
      where v.tenant_id = tenant and v.model = other and v.memory_id = old.memory_id
      returning v.settled
    )
    select count(*), count(*) filter (where g.settled) into deleted, unsettled from gone g;
    delete from mayfly_private.settlements s
    where s.tenant_id = tenant and s.model = other and s.vectors <= unsettled;
    update mayfly_private.settlements s set vectors = s.vectors - unsettled
    where s.tenant_id = tenant and s.model = other and unsettled > 0;
    total := total + deleted;
    exit when total = max_rows;
  end loop;
  return jsonb_build_object('deleted', total, 'more', total = max_rows);
end
$$;

comment on function mayfly_private.forget_vectors is 'Deletes vectors of all models except one.';
grant execute on function mayfly_private.forget_vectors to service_role;

-- The last step after all memories of a tenant have been embedded with a new model. Deletes up to max_rows vectors of
-- all other models, and only those of memories that have a vector of the new model. For the secret key, which names the
-- tenant.

create function mayfly.forget_vectors(model text, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_vectors(model, max_rows);

comment on function mayfly.forget_vectors is
  'Deletes vectors of other models, if the memory has one of this model: { deleted, more }. While more is true, call it again. For the secret key.';
grant execute on function mayfly.forget_vectors to service_role;
