-- After how many days a memory of a kind loses half its freshness: the caller's value, otherwise a default. Working
-- notes age in a day, conversation in a week, experience in a month, lessons in half a year, facts in a year.

create function mayfly_private.half_life(kind text, half_lives jsonb)
returns double precision
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return coalesce((half_lives ->> kind)::double precision, case kind
    when 'working' then 1
    when 'conversation' then 7
    when 'learning' then 180
    when 'fact' then 365
    else 30
  end);
end
$$;

comment on function mayfly_private.half_life is 'After how many days a memory of a kind counts half as fresh.';
