-- The entities that the caller may see, by names and aliases: exact matches first, then names that begin with the text,
-- then names that contain it. Without a text, returns all of them, a page at a time. Scope fact:read. Runs as the
-- caller, and reads all names of the tenant. Locks nothing.

create function mayfly.find_entities(query text default null, of_type text default null, skip integer default 0, page_limit integer default 50)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  asked constant text := mayfly_private.entity_key(query);
  wanted constant text := mayfly_private.fact_word(of_type);
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('page_limit', '1 to 1000');
  elsif skip is null or skip not between 0 and 100000 then
    perform mayfly_private.refuse_fact('skip', '0 to 100000');
  elsif char_length(query) > 200 then
    perform mayfly_private.refuse_fact('query', 'a text of at most 200 characters');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_entity(e) order by r.place), '[]')
    from (
      select b.entity_id, row_number() over (order by b.rank, b.key, b.entity_id) as place
      from (
        select distinct on (n.entity_id) n.entity_id, n.key,
          case when asked is null or n.key = asked then 0 when starts_with(n.key, asked) then 1 else 2 end as rank
        from mayfly.entity_names n
        where n.tenant_id = tenant and (wanted is null or n.type = wanted) and (asked is null or position(asked in n.key) > 0)
        order by n.entity_id, rank, n.key) b
      order by place offset skip limit page_limit) r
    join mayfly.entities e on e.tenant_id = tenant and e.id = r.entity_id);
end
$$;

comment on function mayfly.find_entities is 'Finds entities by names and aliases, best match first. Without a text, returns all of them.';
grant execute on function mayfly.find_entities to authenticated, service_role;
