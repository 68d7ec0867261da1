-- Whether a JSON value is a reference to an entity: its name as a text, { id }, or { name, type? }.

create function mayfly_private.is_entity_ref(ref jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case jsonb_typeof(ref)
    when 'string' then char_length(ref #>> '{}') <= 200 and mayfly_private.entity_key(ref #>> '{}') is not null
    when 'object' then (ref - '{id,name,type}'::text[]) = '{}'
      and case when ref ? 'id' then ref - 'id' = '{}' and mayfly_private.to_uuid(ref ->> 'id') is not null
        else jsonb_typeof(ref -> 'name') = 'string' and char_length(ref ->> 'name') <= 200 and mayfly_private.entity_key(ref ->> 'name') is not null
          and case when ref ? 'type' then jsonb_typeof(ref -> 'type') = 'string'
            and coalesce(char_length(mayfly_private.fact_word(ref ->> 'type')), 0) between 1 and 100 else true end
      end
    else false
  end;
end
$$;

comment on function mayfly_private.is_entity_ref is 'Whether a JSON value names an entity.';
grant execute on function mayfly_private.is_entity_ref to authenticated, service_role;
