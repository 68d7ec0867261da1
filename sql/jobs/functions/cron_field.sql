-- The numbers that a field of a cron line stands for, in order, or null if the field is invalid. Valid are `*`, `5`,
-- `1-5`, `*/15`, `10-40/10`, `mon-fri`, and lists of these with commas.

create function mayfly_private.cron_field(field text, low integer, high integer, names text[])
returns integer[]
language plpgsql immutable
set search_path = ''
as $$
declare
  part text;
  bounds text[];
  bound text;
  ends integer[];
  step integer;
  found_numbers integer[] := '{}';
begin
  foreach part in array string_to_array(lower(field), ',') loop
    if part !~ '^(\*|\?|[a-z0-9]{1,3}(-[a-z0-9]{1,3})?)(/[0-9]{1,2})?$' then
      return null;
    end if;
    step := coalesce(nullif(split_part(part, '/', 2), '')::integer, 1);
    part := split_part(part, '/', 1);
    if step = 0 then
      return null;
    elsif part in ('*', '?') then
      ends := array[low, high];
    else
      bounds := string_to_array(part, '-');
      ends := '{}';
      foreach bound in array bounds loop
        if bound ~ '^[0-9]+$' then
          ends := ends || bound::integer;
        elsif array_position(names, bound) is not null then
          ends := ends || (array_position(names, bound) - 1 + case when low = 1 then 1 else 0 end);
        else
          return null;
        end if;
      end loop;
      -- `5/15` means 5, 20, 35 and so on, up to the highest number that the field may have.
      if cardinality(ends) = 1 then
        ends := ends || case when step > 1 then high else ends[1] end;
      end if;
    end if;
    if ends[1] < low or ends[2] > high or ends[1] > ends[2] then
      return null;
    end if;
    found_numbers := found_numbers || array(select generate_series(ends[1], ends[2], step));
  end loop;
  return array(select distinct n from unnest(found_numbers) n order by n);
end
$$;

comment on function mayfly_private.cron_field is 'The numbers that a field of a cron line stands for.';
