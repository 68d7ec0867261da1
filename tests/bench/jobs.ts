/**
 * Empty jobs a second by one worker, and the time from adding a job to its start, with the worker of the SDK on a
 * connection of its own to Postgres, against graphile-worker (its default, and with its local queue) and pg-boss
 * (batches of 100), on the same Postgres, in turns; and a turn in SQL by batches of 1, 10 and 100. The opponents are
 * installed apart: npm install --prefix tests/bench/jobs. Without them ours alone is measured.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/jobs.ts [--quick]
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import postgres from "postgres";
import { makeAgent, makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { ok } from "../../sdk/src/contract/errors.ts";
import type { JobsDoor } from "../../sdk/src/jobs/door.ts";
import { Worker } from "../../sdk/src/jobs/worker.ts";
import { report } from "./lib/report.ts";
import { rounds, unlimited } from "./lib/target.ts";

const many = rounds(4_000, 1_000);
const samples = rounds(60, 20);
const db = await openPostgresDatabase();
const opponents = createRequire(join(import.meta.dirname, "jobs/package.json"));
const installed = existsSync(join(import.meta.dirname, "jobs/node_modules"));
const load = (name: string) => import(pathToFileURL(opponents.resolve(name)).href);

interface Contender {
  name: string;
  add(count: number): Promise<unknown>;
  /** @returns stops it. */
  start(handler: () => void): Promise<() => Promise<unknown>>;
}

const tenant = await makeTenant(db.sql, { ...unlimited, max_lifetime: "1 day" });
const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });

/** As the Data API calls a function, on a connection that stays the agent's. */
async function connectOurs() {
  const sql = postgres(db.url, { max: 1, onnotice: () => {} });
  await sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, false)`;
  await sql.unsafe("set role authenticated");
  const call = async (name: string, values: Record<string, unknown>) => {
    const names = Object.keys(values);
    const named = names.map((key, at) => `${key} => $${at + 1}`).join(", ");
    const given = Object.values(values) as never[];
    const [row] = await sql.unsafe(`select mayfly.${name}(${named}) as answer`, given, {
      prepare: true,
    });
    return row?.answer as unknown;
  };
  return { sql, call };
}
const adder = await connectOurs();

const ours: Contender = {
  name: "mayfly",
  add: (count) =>
    adder.call("add_jobs", { jobs: Array.from({ length: count }, () => ({ name: "t" })) }),
  async start(handler) {
    const { sql, call } = await connectOurs();
    const listener = postgres(db.url, { max: 1, onnotice: () => {} });
    let wake = () => {};
    await listener.listen("mayfly_jobs", () => wake());
    const door: JobsDoor = {
      call: async (name, values) =>
        ok((await call(name, values as Record<string, unknown>)) as never),
      onWake: (step) => {
        wake = step;
        return async () => {};
      },
    };
    const started = Worker.start(
      door,
      { t: handler },
      { concurrency: 24, drainOnTermination: false },
    );
    if (started.error) throw started.error;
    return async () => {
      await started.data.stop();
      await Promise.all([sql.end(), listener.end()]);
    };
  },
};

async function graphile(local: boolean): Promise<Contender> {
  const { run, makeWorkerUtils, Logger } = await load("graphile-worker");
  const logger = new Logger(() => () => {});
  const connectionString = db.url;
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  const preset = { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } };
  return {
    name: local ? "graphile-worker, local queue" : "graphile-worker",
    add: (count) =>
      utils.addJobs(Array.from({ length: count }, () => ({ identifier: "t", payload: {} }))),
    async start(handler) {
      const options = { connectionString, concurrency: 24, noHandleSignals: true, logger };
      const taskList = { t: async () => handler() };
      const runner = await run({ ...options, taskList, maxPoolSize: 24, ...(local && { preset }) });
      return () => runner.stop();
    },
  };
}

async function pgBoss(): Promise<Contender> {
  const { PgBoss } = await load("pg-boss");
  const boss = new PgBoss({
    connectionString: db.url,
    useListenNotify: true,
    schedule: false,
    max: 12,
  });
  boss.on("error", () => {});
  await boss.start();
  await boss.createQueue("t", { notify: true });
  return {
    name: "pg-boss, batches of 100",
    add: (count) =>
      boss.insert(
        "t",
        Array.from({ length: count }, () => ({ data: {} })),
      ),
    async start(handler) {
      const options = { batchSize: 100, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
      await boss.work("t", options, async (jobs: unknown[]) => {
        for (const _ of jobs) handler();
      });
      return () => boss.offWork("t");
    },
  };
}

/** Jobs a second, of those that are there when the worker begins. */
async function rateOf({ add, start }: Contender): Promise<number> {
  for (let added = 0; added < many; added += 500) await add(500);
  const all = Promise.withResolvers<void>();
  let done = 0;
  const began = performance.now();
  const stop = await start(() => {
    if (++done === many) all.resolve();
  });
  await all.promise;
  const seconds = (performance.now() - began) / 1_000;
  await stop();
  return many / seconds;
}

/** Milliseconds from adding a job to a worker that sleeps, to its start. */
async function latencies({ add, start }: Contender): Promise<number[]> {
  let begun = () => {};
  const stop = await start(() => begun());
  const taken: number[] = [];
  for (let n = 0; n < samples; n++) {
    // The worker has gone to sleep.
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 30));
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const began = performance.now();
    await add(1);
    await started;
    taken.push(performance.now() - began);
  }
  await stop();
  return taken.slice(5).sort((a, b) => a - b);
}

/** Jobs a second on one connection: claimed and completed, batch by batch, in turns in SQL. */
async function turns(batch: number): Promise<number> {
  const wanted = Math.min(many, batch * 400);
  for (let added = 0; added < wanted; added += 500) await ours.add(500);
  let done: { lease: string }[] = [];
  let ended = 0;
  const began = performance.now();
  while (ended < wanted) {
    const answer = (await adder.call("turn_jobs", { done, wanted: batch })) as {
      jobs: { lease: string }[];
    };
    done = answer.jobs.map(({ lease }) => ({ lease }));
    ended += done.length;
  }
  const seconds = (performance.now() - began) / 1_000;
  await adder.call("complete_jobs", { done });
  await db.sql`delete from mayfly.jobs`;
  return ended / seconds;
}

const on = "Postgres 17";
for (const batch of [1, 10, 100])
  report({
    bench: "jobs",
    name: "a turn in SQL",
    size: batch,
    on,
    unit: "jobs/s",
    ours: await turns(batch),
  });

const contenders = [ours];
if (installed) contenders.push(await graphile(false), await graphile(true), await pgBoss());
else console.log("The opponents are not there: npm install --prefix tests/bench/jobs");
const rates = new Map<string, number>();
for (let turn = 0; turn < rounds(3, 1); turn++)
  for (const contender of contenders) {
    const rate = await rateOf(contender);
    rates.set(contender.name, Math.max(rate, rates.get(contender.name) ?? 0));
  }
const mine = rates.get(ours.name) ?? 0;
const waits = await latencies(ours);
const mean = (list: number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
report({ bench: "jobs", name: "empty jobs, one worker", on, unit: "jobs/s", ours: mine });
report({ bench: "jobs", name: "from add to start, mean", on, unit: "ms", ours: mean(waits) });
report({
  bench: "jobs",
  name: "from add to start, p99",
  on,
  unit: "ms",
  ours: waits.at(Math.floor(waits.length * 0.99)) ?? 0,
});
for (const contender of contenders.slice(1)) {
  const baseline = rates.get(contender.name) ?? 0;
  report({
    bench: "jobs",
    name: "empty jobs, one worker",
    on,
    unit: "jobs/s",
    ours: mine,
    against: contender.name,
    baseline,
    ratio: mine / baseline,
  });
  const theirs = mean(await latencies(contender));
  report({
    bench: "jobs",
    name: "from add to start, mean",
    on,
    unit: "ms",
    ours: mean(waits),
    against: contender.name,
    baseline: theirs,
    ratio: mean(waits) / theirs,
  });
}
process.exit(0);
