/**
 * A worker over HTTP, through the Data API of the embedded Supabase, compared with a worker next to the same
 * Postgres.
 */
import { Mayfly } from "@mayfly/sdk";
import { makeTenant } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { makeTemplate } from "#harness/template";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { openOurs } from "./ours.ts";
import { type Input, until } from "./queue.ts";
import { rateOf } from "./rates.ts";

const count = 1_000;

export async function measureApi(db: TestDatabase): Promise<void> {
  await makeTemplate();
  const local = await startTestLocal({ dbUrl: db.url });
  const tenant = await makeTenant(db.sql, unlimited);
  const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
  const beside = await openOurs(db);
  const overHttp = async () => {
    await mayfly.jobs.add(
      Array.from({ length: count }, (_, n) => ({ name: "t", input: { n } as Input })),
    );
    let done = 0;
    let began = 0;
    const work = await mayfly.jobs.work(
      {
        t: () => {
          if (done++ === 0) began = performance.now();
        },
      },
      { concurrency: 24, drainOnTermination: false },
    );
    await until(() => done >= count, "over HTTP");
    const ms = performance.now() - began;
    await work.data?.stop();
    return (count / ms) * 1_000;
  };
  const rates = { http: [] as number[], direct: [] as number[] };
  for (let round = 0; round <= rounds(5, 3); round++) {
    const http = await overHttp();
    const direct = await rateOf(beside, 1, "default", count);
    // The first round is not counted, because it includes the planning of statements.
    if (round > 0) {
      rates.http.push(http);
      rates.direct.push(direct);
    }
  }
  const ratio = quartiles(rates.http.map((rate, n) => rate / (rates.direct[n] ?? Number.NaN)));
  report({
    bench: "jobs",
    name: "empty jobs, one worker over the embedded Data API",
    on: "postgres",
    unit: "jobs/s",
    ours: quartiles(rates.http).median,
    against: "the same beside the database",
    baseline: quartiles(rates.direct).median,
    ratio: ratio.median,
    spread: [ratio.q1, ratio.q3],
  });
  const calls: number[] = [];
  const bare: number[] = [];
  const call = async (work: () => PromiseLike<unknown>) => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };
  for (let n = 0; n < 60; n++) {
    calls.push(await call(() => mayfly.jobs.add("u", {})));
    bare.push(await call(() => beside.addOne({ n })));
  }
  const [own, direct] = [quartiles(calls.slice(10)).median, quartiles(bare.slice(10)).median];
  report({
    bench: "jobs",
    name: "adding a job over the embedded Data API",
    on: "postgres",
    unit: "ms",
    ours: own,
    against: "the same beside the database",
    baseline: direct,
    ratio: own / direct,
  });
  await mayfly.close();
  await beside.close();
  await local.close();
}
