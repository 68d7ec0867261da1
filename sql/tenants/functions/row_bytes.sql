-- What a row of a small table is charged, in bytes, from its JSON: what callers write into it, and for those
-- that no other quota bounds the row itself. Of agents and their registrations, which the rate of spawns bounds,
-- what is written alone: they stay for as long as the tenant, and 172,800 a day are possible by default.
-- The lengths are those of JSON's texts, so that how a row is stored makes no difference.

create function mayfly_private.row_bytes(of_table text, content jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  flat constant integer := case when of_table in ('agents', 'registrations') then 0 else 256 end;
  written constant text[] := case of_table
    when 'agents' then '{name,task,capabilities,metadata,suspend_reason,stop_reason}'
    when 'agent_types' then '{name,role,description,prompt,capabilities,scopes,metadata}'
    when 'channels' then '{name,description,publishers}'
    when 'channel_subscriptions' then '{}'
    when 'enrolment_keys' then '{name,scopes}'
    when 'invitations' then '{email}'
    when 'registrations' then '{key}'
  end;
begin
  return flat + (select coalesce(sum(octet_length(content ->> w)), 0) from unnest(written) w)::integer;
end
$$;

comment on function mayfly_private.row_bytes is 'What a row of a small table is charged, in bytes.';
