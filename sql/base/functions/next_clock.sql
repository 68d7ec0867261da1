-- A timestamp of the server's hybrid logical clock, which is later than the given one. Its form is
-- `milliseconds-counter-node`: 13 digits of Unix time, 4 hexadecimal digits, and the name of the node that made it.
-- So timestamps can be compared as text (in the collation "C"). An update that comes without a timestamp gets one
-- from this function when it reaches the server.
--
-- Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks", OPODIS 2014.

create function mayfly_private.next_clock(seen text)
returns text
language sql volatile
set search_path = ''
return (
  select case
    when t.now > t.seen_ms then lpad(t.now::text, 13, '0') || '-0000-server'
    when t.counter = 65535 then lpad((t.seen_ms + 1)::text, 13, '0') || '-0000-server'
    else lpad(t.seen_ms::text, 13, '0') || '-' || lpad(to_hex(t.counter + 1), 4, '0') || '-server'
  end
  from (
    select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now,
      coalesce(split_part(seen, '-', 1)::bigint, 0) as seen_ms,
      coalesce(('x' || split_part(seen, '-', 2))::bit(16)::integer, 0) as counter) t
);

comment on function mayfly_private.next_clock is 'A timestamp of the server''s hybrid logical clock that is later than the given one.';
