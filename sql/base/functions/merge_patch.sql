-- Applies a JSON merge patch: values of the patch replace the target's values with the same keys, objects are merged at
-- every level, and a null removes the key. https://www.rfc-editor.org/rfc/rfc7396

create function mayfly_private.merge_patch(target jsonb, patch jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  base constant jsonb := case when jsonb_typeof(target) = 'object' then target else '{}' end;
begin
  if jsonb_typeof(patch) is distinct from 'object' then
    return patch;
  end if;
  return (base - array(select jsonb_object_keys(patch))) || (
    select coalesce(jsonb_object_agg(p.key, mayfly_private.merge_patch(base -> p.key, p.value)), '{}')
    from jsonb_each(patch) p where p.value <> 'null');
end
$$;

comment on function mayfly_private.merge_patch is 'Applies a JSON merge patch (RFC 7396).';
