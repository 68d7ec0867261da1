-- The number of days after which a memory of a kind loses half its freshness. It is the caller's value, or else a
-- default: a day for the kind `working`, a week for `conversation`, half a year for `learning`, a year for `fact`, and
-- a month for any other kind.

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

comment on function mayfly_private.half_life is 'The number of days after which a memory of a kind loses half its freshness.';
