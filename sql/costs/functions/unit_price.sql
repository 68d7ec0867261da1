-- What one unit costs in US dollars, for a call with this number of input tokens. The highest step below this number
-- sets the price for all units of the call. Null if the unit has no price of its own.

create function mayfly_private.unit_price(units jsonb, unit text, input_tokens numeric)
returns numeric
language plpgsql immutable
set search_path = ''
as $$
begin
  -- Most units have no price of their own. Running the query for them anyway took most of the time of settling a call.
  if not coalesce(units ? unit, false) then
    return null;
  end if;
  return (
    select (s.step ->> 1)::numeric / case when unit in ('requests', 'web_searches') then 1000 else 1000000 end
    from jsonb_array_elements(units -> unit) with ordinality as s (step, n)
    where (s.step ->> 0)::numeric < input_tokens or (s.step ->> 0)::numeric = 0
    order by (s.step ->> 0)::numeric desc limit 1);
end
$$;

comment on function mayfly_private.unit_price is 'What one unit costs.';
