-- Shows the percentiles that percentile_cont computed for 0.5, 0.95 and 0.99, in milliseconds. Null if nothing was
-- measured.

create function mayfly_private.show_percentiles(of double precision[])
returns jsonb
language sql immutable parallel safe
set search_path = ''
return jsonb_build_object('p50', round(of[1]::numeric, 1), 'p95', round(of[2]::numeric, 1), 'p99', round(of[3]::numeric, 1));

comment on function mayfly_private.show_percentiles is 'Percentiles in the form that readers get.';
grant execute on function mayfly_private.show_percentiles to authenticated, service_role;
