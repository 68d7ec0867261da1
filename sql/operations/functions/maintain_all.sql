-- One batch of maintenance for every tenant, in one transaction of at most 50 s. For the SQL editor.

create function mayfly_private.maintain_all(max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  begun constant timestamptz := clock_timestamp();
  maintained integer := 0;
  more integer;
begin
  loop
    more := mayfly_private.maintain_some(begun, max_rows);
    maintained := maintained + more;
    exit when more = 0 or clock_timestamp() > begun + interval '50 seconds';
  end loop;
  return maintained;
end
$$;

comment on function mayfly_private.maintain_all is 'A batch of maintenance for every tenant.';
