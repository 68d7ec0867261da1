/**
 * Jobs a second in SQL alone: our statements and those of graphile-worker, with batches of one size, in
 * turns.
 */

import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant, serviceRole } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { graphileStatements } from "./graphile.ts";
import { emptyDatabase } from "./packages.ts";
import type { Doer } from "./queue.ts";

/** Calls `turn_jobs` as an agent. Each call completes the jobs that the call before it claimed. */
export async function ourTurns(
  db: TestDatabase,
  tenant: string,
  names: string[] | null = null,
): Promise<Doer> {
  const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
  const backend = await openBackend(db.url, claims);
  let done: { lease: string; result: null }[] = [];
  return {
    backend,
    async add(count) {
      const jobs = Array.from({ length: count }, () => ({ name: "t", input: { n: 1 } }));
      await backend.query("select mayfly.add_jobs($1)", [jobs]);
    },
    async turn(size) {
      const [row] = await backend.query<{ answer: { jobs: { lease: string }[] } }>(
        "select mayfly.turn_jobs(done => $1, wanted => $2, names => $3) as answer",
        [done, size, names],
      );
      done = (row?.answer.jobs ?? []).map(({ lease }) => ({ lease, result: null }));
      return done.length;
    },
  };
}

/**
 * Claims jobs of 50 tenants with `claim_any_jobs`, as the secret key, and completes the jobs in a second
 * call.
 */
async function ourFleet(db: TestDatabase, tenants: string[]): Promise<Doer> {
  const backend = await openBackend(db.url, serviceRole);
  let place: unknown = {};
  return {
    backend,
    async add(count) {
      const jobs = Array.from({ length: Math.ceil(count / tenants.length) }, () => ({
        name: "t",
        input: { n: 1 },
      }));
      for (const tenant of tenants) {
        await backend.query("select set_config('request.headers', $1, false)", [
          JSON.stringify({ "x-mayfly-tenant": tenant }),
        ]);
        await backend.query("select mayfly.add_jobs($1)", [jobs]);
      }
      await backend.query("select set_config('request.headers', '{}', false)");
    },
    async turn(size) {
      const [row] = await backend.query<{ answer: { jobs: { lease: string }[]; place: unknown } }>(
        "select mayfly.claim_any_jobs($1, place => $2) as answer",
        [size, place],
      );
      place = row?.answer.place;
      const done = (row?.answer.jobs ?? []).map(({ lease }) => ({ lease, result: null }));
      if (done.length > 0) await backend.query("select mayfly.complete_jobs($1)", [done]);
      return done.length;
    },
  };
}

interface Rate {
  perSecond: number;
  cpu: number;
}

/**
 * How many jobs a second all connections do together, and the server's CPU time for each job, in
 * microseconds.
 */
async function rateOf(doers: Doer[], size: number, turns: number): Promise<Rate> {
  const wanted = size * (turns + 1) * doers.length;
  for (let added = 0; added < wanted; added += 1_000) await doers[0]?.add(1_000);
  for (const doer of doers) await doer.turn(size);
  const cpu = doers.reduce((sum, { backend }) => sum + backend.cpu(), 0);
  const began = performance.now();
  const counts = await Promise.all(
    doers.map(async (doer) => {
      let done = 0;
      for (let n = 0; n < turns; n++) done += await doer.turn(size);
      return done;
    }),
  );
  const ms = performance.now() - began;
  const done = counts.reduce((sum, count) => sum + count, 0);
  if (done < size * turns * doers.length * 0.9) throw new Error("There were too few jobs.");
  return {
    perSecond: (done / ms) * 1_000,
    cpu: (doers.reduce((sum, { backend }) => sum + backend.cpu(), 0) - cpu) / done,
  };
}

export async function measureSql(db: TestDatabase): Promise<void> {
  const theirs = await emptyDatabase("graphile_sql");
  const tenant = await makeTenant(db.sql, unlimited);
  const tenants = await Promise.all(
    Array.from({ length: 50 }, () => makeTenant(db.sql, unlimited)),
  );
  for (const [connections, size, turns] of [
    [1, 1, 200],
    [1, 10, 100],
    [1, 100, 30],
    [8, 1, 60],
    [8, 10, 30],
  ] as const) {
    const make = <T>(one: () => Promise<T>) =>
      Promise.all(Array.from({ length: connections }, one));
    const graphile = await make(() => graphileStatements(theirs.url));
    const turning = await make(() => ourTurns(db, tenant));
    const fleet = await make(() => ourFleet(db, tenants));
    // This warms up. What a session plans and caches only once is not measured, because workers keep their
    // connections.
    for (const doers of [graphile, turning, fleet]) await rateOf(doers, size, 15);
    const rates = { graphile: [] as Rate[], turning: [] as Rate[], fleet: [] as Rate[] };
    for (let round = 0; round < rounds(7, 3); round++) {
      rates.graphile.push(await rateOf(graphile, size, turns));
      rates.turning.push(await rateOf(turning, size, turns));
      rates.fleet.push(await rateOf(fleet, size, turns));
    }
    const row = { bench: "jobs", on: "postgres", against: "graphile-worker" };
    const how = `${connections} connection${connections > 1 ? "s" : ""}, ${size} ${size === 1 ? "job" : "jobs"} a call`;
    for (const [name, own] of [
      ["turn_jobs", rates.turning],
      ["claim_any and complete", rates.fleet],
    ] as const) {
      const faster = quartiles(
        own.map((rate, n) => rate.perSecond / (rates.graphile[n]?.perSecond ?? Number.NaN)),
      );
      const cheaper = quartiles(
        own.map((rate, n) => rate.cpu / (rates.graphile[n]?.cpu ?? Number.NaN)),
      );
      report({
        ...row,
        name: `${name} in SQL, ${how}`,
        unit: "jobs/s",
        ours: quartiles(own.map((rate) => rate.perSecond)).median,
        baseline: quartiles(rates.graphile.map((rate) => rate.perSecond)).median,
        ratio: faster.median,
        spread: [faster.q1, faster.q3],
      });
      report({
        ...row,
        name: `${name} in SQL, ${how}: the server's time`,
        unit: "µs/job",
        ours: quartiles(own.map((rate) => rate.cpu)).median,
        baseline: quartiles(rates.graphile.map((rate) => rate.cpu)).median,
        ratio: cheaper.median,
        spread: [cheaper.q1, cheaper.q3],
      });
    }
    for (const { backend } of [...graphile, ...turning, ...fleet]) await backend.close();
  }
  await theirs.drop();
}
