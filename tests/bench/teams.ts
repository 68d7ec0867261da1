/**
 * Assigning work, closing a large poll, and a team of 50 that works through 2,000 jobs:
 *
 *   DATABASE_URL=postgresql://… node tests/bench/teams.ts [--quick]
 */

import { failed, MayflyError, ok } from "@mayfly/sdk/contract/errors";
import type { JobsDoor } from "@mayfly/sdk/internal";
import { openBackend } from "#harness/backend";
import { makeAgent, makePerson, makeTenant, rpc } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { Worker } from "#harness/jobs-door";
import { report } from "./lib/report.ts";
import { quick, unlimited } from "./lib/target.ts";

const agents = 50;
const jobs = quick ? 400 : 2_000;
const assigned = quick ? 500 : 2_000;
const voters = 1_000;
const scopes = ["job:work", "job:read", "team:read", "team:vote", "team:manage", "job:add"];

const db = await openPostgresDatabase({ durable: true });
const { sql } = db;
const on = "postgres";
{
  const lives = { lifetime: 3_600, scopes };
  // Each number of open jobs has its own tenant, in which ten agents share the jobs.
  for (const open of quick ? [0, 20_000] : [0, 1_000, 20_000]) {
    const tenant = await makeTenant(sql, unlimited);
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) ids.push((await makeAgent(sql, tenant, lives)).id);
    const caller = await openBackend(db.url, (await makeAgent(sql, tenant, lives)).claims);
    await sql`
      with added as (
        insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at, target)
        select ${tenant}, gen_random_uuid(), 'work', 'work', mayfly_private.lane_of('work', 'work', null, t.target), 'ready', now(), t.target
        from generate_series(1, ${open}::integer) n,
          lateral (select jsonb_build_object('agent', (${ids}::uuid[])[1 + n % 10]) as target) t
        returning id, target)
      insert into mayfly.assignments (tenant_id, job_id, agent_id, agent_type, work)
      select ${tenant}, a.id, (a.target ->> 'agent')::uuid, 'worker', 'work' from added a`;
    const assign = () => caller.query("select mayfly.assign_job($1)", [{ name: "work" }]);
    for (let n = 0; n < 50; n++) await assign();
    const before = caller.cpu();
    const began = performance.now();
    for (let n = 0; n < assigned; n++) await assign();
    const ms = performance.now() - began;
    report({
      bench: "teams",
      name: `assignments a second, with ${open.toLocaleString("en")} open jobs (goal: 500)`,
      on,
      unit: "a second",
      ours: assigned / (ms / 1_000),
    });
    report({
      bench: "teams",
      name: `server time of an assignment, with ${open.toLocaleString("en")} open jobs`,
      on,
      unit: "µs",
      ours: (caller.cpu() - before) / assigned,
    });
    await caller.close();
  }
  const tenant = await makeTenant(sql, unlimited);
  const boss = await makeAgent(sql, tenant, lives);
  const caller = await openBackend(db.url, boss.claims);

  // All voters except the last one have voted.
  const people = await makePerson(sql, { [tenant]: "owner" });
  const all = [boss.id, ...Array.from({ length: voters - 1 }, () => crypto.randomUUID())];
  const took: number[] = [];
  let began = 0;
  for (let n = 0; n < (quick ? 5 : 15); n++) {
    const [poll] = await sql<{ id: string }[]>`
      insert into mayfly.polls (tenant_id, question, options, rule, voters, deadline)
      values (${tenant}, 'Ship it?', '{yes,no}', 'unanimous', ${all}::uuid[], now() + interval '1 hour') returning id`;
    const id = poll?.id ?? "";
    await sql`
      insert into mayfly_private.cast_ballots (tenant_id, poll_id, voter_id, choice, weight, cast_at)
      select ${tenant}, ${id}, v, 'yes', 1, now() from unnest(${all.slice(1)}::uuid[]) v`;
    began = performance.now();
    await caller.query("select mayfly.cast_ballot($1, $2)", [id, "yes"]);
    took.push(performance.now() - began);
    const closed = await rpc<{ status: string; outcome: { ballots: number } }>(
      sql,
      people,
      "get_poll",
      { poll_id: id },
    );
    if (closed.status !== "closed" || closed.outcome.ballots !== voters)
      throw new Error(`The poll is ${closed.status} with ${closed.outcome?.ballots} ballots.`);
  }
  took.sort((a, b) => a - b);
  const median = took[Math.floor(took.length / 2)] ?? 0;
  report({
    bench: "teams",
    name: "a poll of 1,000 ballots closes in",
    on,
    unit: "ms",
    ours: median,
  });
  await caller.close();

  // Each job takes 100 to 400 ms, so 50 agents need at least a fiftieth of the sum. The agents share
  // connections.
  const other = await makeTenant(sql, unlimited);
  const adder = await makeAgent(sql, other, lives);
  const inputs = Array.from({ length: jobs }, (_, n) => ({ ms: 100 + ((n * 7_919) % 301) }));
  const sum = inputs.reduce((total, { ms }) => total + ms, 0);
  for (let at = 0; at < jobs; at += 1_000) {
    const part = inputs.slice(at, at + 1_000).map((input) => ({ name: "work", input }));
    await rpc(sql, adder.claims, "add_jobs", { jobs: part as never });
  }
  const members = [];
  for (let n = 0; n < agents; n++) members.push(await makeAgent(sql, other, lives));
  let left = jobs;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const handle = async ({ ms }: { ms: number }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (--left === 0) finish();
  };
  began = performance.now();
  const works = members.map(({ claims }) => {
    const door: JobsDoor = {
      call: (name, values, form) =>
        rpc(sql, claims, name, values as never).then(
          (data) => ok(form.parse(data)),
          ({ message }: Error) =>
            failed(new MayflyError({ code: "internal", message, hint: null, details: null })),
        ),
      onWake: () => async () => {},
    };
    const options = { concurrency: 1, drainOnTermination: false, onError: console.error };
    const work = Worker.start(door, { work: handle }, options);
    if (work.error) throw work.error;
    return work.data;
  });
  await finished;
  const wall = performance.now() - began;
  report({
    bench: "teams",
    name: `${agents} agents work through ${jobs} jobs`,
    on,
    unit: "ms",
    ours: wall,
    against: "the sum of all work / 50",
    baseline: sum / agents,
    ratio: wall / (sum / agents),
  });
  await Promise.all(works.map((work) => work.stop()));
  const [row] =
    await sql`select count(*)::int as n from mayfly.finished_jobs where tenant_id = ${other}`;
  if (row?.n !== jobs) throw new Error(`${row?.n} of ${jobs} jobs are recorded.`);
}
await db.close();
