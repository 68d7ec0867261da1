-- How many calls a token bucket allows at an instant.

create function mayfly_private.rate_room(tokens double precision, filled_at timestamptz, per_minute integer, burst integer, at timestamptz)
returns double precision
language plpgsql immutable
set search_path = ''
as $$
begin
  return least(burst, tokens + greatest(0, extract(epoch from at - filled_at)) * per_minute / 60);
end
$$;

comment on function mayfly_private.rate_room is 'How many calls a token bucket allows.';
