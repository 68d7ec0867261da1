-- Applies a push in one transaction, all or nothing, and each operation at most once. An operation that was applied
-- before returns its first result. An operation is { id, type, subject, body }. This function claims the ids and passes
-- each type to the function of its room (mayfly_private.operation_types), which checks the content and writes. It is
-- the only entry point for operations that clients queue. Each room's function names the caller's tenant in its
-- statements, and repeats the conditions of its policies.
--
-- Operation ids are claimed in sorted order, because in the order of the push, two overlapping pushes deadlocked 19
-- times in 100. Locks the tenant's row like a foreign key does, and what the functions of the rooms lock.

create function mayfly_private.push(push jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
  -- The smallest UUIDv7 of that time.
  least_id constant uuid := lpad(to_hex(floor(extract(epoch from long_ago) * 1000)::bigint), 12, '0') || repeat('0', 20);
  ids uuid[];
  claimed uuid[];
  expired integer;
  room record;
  written integer;
  charged integer := 0;
begin
  perform mayfly_private.check_operations(push);
  for room in
    select distinct t.scope from mayfly_private.operation_types t
    where t.type in (select op ->> 'type' from jsonb_array_elements(push) op) order by t.scope
  loop
    perform mayfly_private.require_tenant(room.scope);
  end loop;
  perform mayfly_private.hold_tenant(tenant);

  with new_ops as (
    insert into mayfly_private.ops (tenant_id, id, result)
    select tenant, (op ->> 'id')::uuid, jsonb_build_object('id', op ->> 'id', 'status', 'applied',
      coalesce(op ->> 'old', 'subject'), op ->> 'subject')
    from jsonb_array_elements(push) op
    order by 2
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into claimed from new_ops;

  -- Applied operations are kept for a limited time. An operation from before that time may have been applied and its
  -- record deleted, so it is refused. The UUIDv7 of an operation says when it was made.
  expired := (select o.n - 1 from jsonb_array_elements(push) with ordinality as o (op, n)
    where (o.op ->> 'id')::uuid < least_id and o.op ->> 'id' like '______________7%' and (o.op ->> 'id')::uuid = any (claimed)
    order by o.n limit 1);
  if expired is not null then
    perform mayfly_private.fail(410, 'op_expired', format('push[%s] is too old: it may have been applied already.', expired),
      'Nothing of this push was applied. Leave the operation out, or check what is stored and make it again.',
      jsonb_build_object('index', expired, 'field', 'id'));
  end if;

  for room in
    select to_regprocedure(t.work)::regproc as work from mayfly_private.operation_types t
    where t.type in (select op ->> 'type' from jsonb_array_elements(push) op)
    group by t.work order by t.work
  loop
    execute format('select %s($1, $2, $3)', room.work) into written using tenant, push, claimed;
    charged := charged + written;
  end loop;
  -- Operations that wrote nothing are charged here, because their ids are kept nevertheless. The rooms charge the
  -- others.
  if cardinality(claimed) > charged then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(claimed) - charged);
  end if;

  ids := array(select (op ->> 'id')::uuid from jsonb_array_elements(push) with ordinality as o (op, n) order by n);
  return (
    select coalesce(jsonb_agg(o.result order by pushed.n), '[]')
    from unnest(ids) with ordinality as pushed (id, n)
    join mayfly_private.ops o on o.id = pushed.id
    where o.tenant_id = tenant and o.id = any (ids));
end
$$;

comment on function mayfly_private.push is 'Applies operations, each at most once, all or none.';
grant execute on function mayfly_private.push to authenticated, service_role;

-- Pushes up to 1,000 operations { id, type, subject, body } and 4 MB, and returns their results in the same order,
-- each { id, status, subject, … }.

create function mayfly.push(push jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  -- Only mayfly.sync sets the field `old`, for operations in the form from before 0.2.
  if push @? '$[*].old' then
    perform mayfly_private.fail(400, 'invalid_operation', 'An operation has no field old.',
      'An operation is { id, type, subject, body }.', '{"field": "old"}');
  end if;
  return mayfly_private.push(push);
end
$$;

comment on function mayfly.push is
  'Applies operations { id, type, subject, body } in one transaction, each at most once: [{ id, status, subject, … }].';
grant execute on function mayfly.push to authenticated, service_role;
