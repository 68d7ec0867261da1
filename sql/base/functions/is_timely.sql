-- Whether a token is valid now. Like the Data API, this accepts a token until 30 s after its exp, because clocks
-- differ. A token without exp is never valid. For nbf, there is no such allowance, because no known issuer sets it.

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

comment on function mayfly_private.is_timely is 'Whether a token is valid now.';
