-- Runs, models and tools in numbers. For each agent, how many runs are open and how many ended in the last `seconds`,
-- by status. Also the calls of models and tools in these runs, and how long each took (p50, p95 and p99, in
-- milliseconds). Counts only the newest 10,000 runs that ended. Returns the 100 agents with the most runs, and the 100
-- models and the 100 tools with the most calls. Runs as the caller (scope run:read). Locks nothing.

create function mayfly.run_statistics(seconds double precision default 3600)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:read');
  since timestamptz;
begin
  if seconds is null or seconds not between 1 and 31536000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 1 to 31536000.', null, '{"field": "seconds"}');
  end if;
  since := mayfly_private.now() - make_interval(secs => seconds);
  return (
    with counted as materialized (
      (select r.id, r.agent, r.status, extract(epoch from r.ended_at - coalesce(r.started_at, r.ended_at)) * 1000 as ms
      from mayfly.runs r where r.tenant_id = tenant and r.ended_at > since
      order by r.ended_at desc limit 10000)
      union all
      select r.id, r.agent, r.status, null from mayfly.runs r where r.tenant_id = tenant and r.ended_at is null
    ), agents as (
      select c.agent, sum(c.n) as n, jsonb_object_agg(c.status, c.n) as by_status
      from (select x.agent, x.status, count(*) as n from counted x group by 1, 2) c
      group by c.agent order by 2 desc, 1 limit 100
    ), agent_times as (
      select c.agent, percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by c.ms) as ms
      from counted c where c.ms is not null group by c.agent
    ), models as (
      select m.provider, m.model, count(*) filter (where m.error is null) as succeeded, count(*) filter (where m.error is not null) as failed,
        coalesce(sum((m.usage ->> 'input')::numeric), 0) as input_tokens, coalesce(sum((m.usage ->> 'output')::numeric), 0) as output_tokens,
        coalesce(sum(m.usd), 0) as usd, percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by m.ms) as ms
      from mayfly.run_model_calls m
      where m.tenant_id = tenant and m.run_id in (select c.id from counted c) and m.at > since
      group by 1, 2 order by count(*) desc, 1, 2 limit 100
    ), tools as (
      select t.tool, count(*) filter (where t.status = 'started') as running, count(*) filter (where t.status = 'succeeded') as succeeded,
        count(*) filter (where t.status = 'failed') as failed, count(*) filter (where t.status = 'denied') as denied,
        percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by extract(epoch from t.ended_at - t.started_at) * 1000)
          filter (where t.status in ('succeeded', 'failed')) as ms
      from mayfly.run_tool_calls t
      where t.tenant_id = tenant and t.run_id in (select c.id from counted c) and t.started_at > since and t.status <> 'edited'
      group by 1 order by count(*) desc, 1 limit 100
    )
    select jsonb_build_object(
      'agents', (select coalesce(jsonb_agg(jsonb_build_object('agent', a.agent, 'by_status', a.by_status, 'run', mayfly_private.show_percentiles(t.ms)) order by a.agent), '[]')
        from agents a left join agent_times t using (agent)),
      'models', (select coalesce(jsonb_agg(to_jsonb(m) || jsonb_build_object('ms', mayfly_private.show_percentiles(m.ms)) order by m.provider, m.model), '[]') from models m),
      'tools', (select coalesce(jsonb_agg(to_jsonb(t) || jsonb_build_object('ms', mayfly_private.show_percentiles(t.ms)) order by t.tool), '[]') from tools t)));
end
$$;

comment on function mayfly.run_statistics is
  'Runs by agent and status, and the calls of models and tools in the last `seconds`, with p50, p95 and p99 of how long they took.';
grant execute on function mayfly.run_statistics to authenticated, service_role;
