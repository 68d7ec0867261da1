/**
 * The cost of a call of `turn_jobs` while the queue has 100,000 jobs for tomorrow, and 100,000 jobs with a
 * name that the worker does not handle.
 */

import { makeTenant } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { graphileStatements } from "./graphile.ts";
import { emptyDatabase } from "./packages.ts";
import type { Doer } from "./queue.ts";
import { ourTurns } from "./sql.ts";

const many = 100_000;

async function msOf(doer: Doer, turns: number): Promise<number> {
  await doer.add(Math.min(1_000, 10 * (turns + 1)));
  await doer.turn(10);
  const began = performance.now();
  for (let n = 0; n < turns; n++) await doer.turn(10);
  return (performance.now() - began) / turns;
}

export async function measureStuck(db: TestDatabase): Promise<void> {
  const theirs = await emptyDatabase("graphile_stuck");
  const tenant = await makeTenant(db.sql, unlimited);
  const graphile = await graphileStatements(theirs.url);
  const ours = await ourTurns(db, tenant, ["t"]);
  const times = async () => {
    const own: number[] = [];
    const other: number[] = [];
    for (let round = 0; round < rounds(9, 5); round++) {
      own.push(await msOf(ours, 20));
      other.push(await msOf(graphile, 20));
    }
    return { own: quartiles(own).median, other: quartiles(other).median };
  };
  await times();
  const before = await times();
  await db.sql`
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at)
    select ${tenant}::uuid, gen_random_uuid(), 'u', 'u', 'u/u', 'ready', now() from generate_series(1, ${many}::integer)
    union all
    select ${tenant}::uuid, gen_random_uuid(), 't', 't', 't/t', 'scheduled', now() + interval '1 day' from generate_series(1, ${many}::integer)`;
  await graphile.backend.query(
    `select count(*) from graphile_worker.add_jobs(array(
      select json_populate_record(null::graphile_worker.job_spec, '{"identifier": "u", "payload": {}}') from generate_series(1, $1::integer)
      union all
      select json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 't', 'payload', '{}'::json, 'run_at', now() + interval '1 day'))
      from generate_series(1, $1::integer)))`,
    [many],
  );
  const beside = await times();
  report({
    bench: "jobs",
    name: "time of turn_jobs for 10 jobs beside 100,000 scheduled and 100,000 stuck jobs, compared with 10 jobs alone",
    on: "postgres",
    unit: "times",
    ours: beside.own / before.own,
    against: "graphile-worker",
    baseline: beside.other / before.other,
    ratio: beside.own / before.own / (beside.other / before.other),
  });
  await ours.backend.close();
  await graphile.backend.close();
  await theirs.drop();
}
