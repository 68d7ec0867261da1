-- Stores the retention of facts. Locks the tenant's row of fact_settings.

create function mayfly_private.set_fact_retention(ended_kept double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:admin');
begin
  if ended_kept is not null and not (ended_kept between 60 and 3e9) then
    perform mayfly_private.refuse_fact('ended_kept', 'seconds from 60 to 3000000000, or null for ever');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.fact_settings (tenant_id, ended_kept) values (tenant, make_interval(secs => ended_kept))
  on conflict on constraint fact_settings_pkey do update set ended_kept = excluded.ended_kept;
  return jsonb_build_object('ended_kept', ended_kept);
end
$$;

comment on function mayfly_private.set_fact_retention is 'Sets how long ended facts are kept.';
grant execute on function mayfly_private.set_fact_retention to authenticated, service_role;

-- Sets how many seconds a fact is kept after its end. Null, the default, keeps it forever. Scope fact:admin.

create function mayfly.set_fact_retention(ended_kept double precision default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_fact_retention(ended_kept);

comment on function mayfly.set_fact_retention is 'Sets how many seconds a fact is kept after its end. Null keeps it forever. Returns { ended_kept }.';
grant execute on function mayfly.set_fact_retention to authenticated, service_role;
