-- Whether a token's time has come, and is not over with the 30 s of skew that the Data API allows.
-- One without exp never is. Nobody whose tokens we know sets nbf, so it gets no skew.

create function mayfly_private.is_timely(claims jsonb)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(claims -> 'exp') is distinct from 'number' then false
    when jsonb_typeof(coalesce(claims -> 'nbf', '0')) <> 'number' then false
    else (claims ->> 'exp')::numeric > extract(epoch from clock_timestamp()) - 30
      and coalesce((claims ->> 'nbf')::numeric, 0) <= extract(epoch from clock_timestamp())
  end;
end
$$;

comment on function mayfly_private.is_timely is 'Whether a token is within its time.';
