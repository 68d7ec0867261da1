-- How many characters two texts share at their beginnings or at their ends. Called by put_part.

create function mayfly_private.shared_length(a text, b text, from_the_end boolean)
returns integer
language plpgsql immutable
set search_path = ''
as $$
declare
  least_known integer := 0;
  most integer := least(char_length(a), char_length(b));
  tried integer;
begin
  while least_known < most loop
    tried := (least_known + most + 1) / 2;
    if (case when from_the_end then right(a, tried) = right(b, tried) else left(a, tried) = left(b, tried) end) then
      least_known := tried;
    else
      most := tried - 1;
    end if;
  end loop;
  return least_known;
end
$$;

comment on function mayfly_private.shared_length is 'How many characters two texts share at one end.';
