-- Everything that a run has recorded, to resume, replay or show it: { inputs, context, calls, tools }, with texts of
-- JSON as they were written. If a call has `messages`, its `parts` are left out unless the caller asks for them. Locks
-- nothing.

create function mayfly_private.run_log(tenant uuid, id uuid, with_parts boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  line constant jsonb := (select jsonb_agg(to_jsonb(l) order by l.nth) from mayfly_private.run_lineage(tenant, run_log.id) l);
begin
  return jsonb_build_object(
    'inputs', (
      select coalesce(jsonb_agg(jsonb_build_object('step', coalesce(r.forked_at, 1), 'input', r.input::text) order by l.nth desc), '[]')
      from jsonb_to_recordset(line) as l (run_id uuid, nth integer, above integer, below integer)
      join mayfly.runs r on r.tenant_id = tenant and r.id = l.run_id
      -- A fork from the first step can have an input of its own instead.
      where r.input is not null and l.above < l.below),
    'context', (
      select r.context::text from jsonb_to_recordset(line) as l (run_id uuid, nth integer)
      join mayfly.runs r on r.tenant_id = tenant and r.id = l.run_id
      where r.context is not null order by l.nth limit 1),
    'calls', (
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('step', c.step, 'try', c.try, 'agent', c.agent, 'provider', c.provider, 'model', c.model,
        'digest', encode(c.digest, 'hex'), 'finish', c.finish, 'messages', c.messages::text, 'usage', c.usage, 'usd', c.usd, 'priced', c.priced, 'ms', c.ms,
        'error', c.error, 'at', c.at, 'parts', case when with_parts or c.messages is null then c.parts::text end)) order by c.step, c.try), '[]')
      from jsonb_to_recordset(line) as l (run_id uuid, nth integer, above integer, below integer)
      cross join lateral (
        select m.* from mayfly.run_model_calls m where m.tenant_id = tenant and m.run_id = l.run_id and m.step >= l.above and m.step < l.below) c),
    'tools', (
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('step', t.step, 'call_id', t.call_id, 'tool', t.tool, 'risk', t.risk, 'status', t.status,
        'input', t.input::text, 'result', t.result::text, 'error', t.error, 'approval_id', t.approval_id, 'attempts', t.attempts,
        'started_at', t.started_at, 'ended_at', t.ended_at)) order by t.step, t.nth), '[]')
      from (
        -- An edit in a fork is at the step before the fork's own steps, and hides the row that it changes.
        select distinct on (o.step, o.call_id) o.*
        from jsonb_to_recordset(line) as l (run_id uuid, nth integer, above integer, below integer)
        cross join lateral (
          select m.* from mayfly.run_tool_calls m where m.tenant_id = tenant and m.run_id = l.run_id and m.step < l.below
            and (m.step >= l.above or m.status = 'edited')) o
        order by o.step, o.call_id, l.nth) t));
end
$$;

comment on function mayfly_private.run_log is 'Everything that a run has recorded.';
