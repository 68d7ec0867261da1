/**
 * Jobs a second while another transaction stays open, so that Postgres cannot remove the rows of jobs that
 * are done.
 */
import postgres from "postgres";
import type { TestDatabase } from "#harness/database";
import { report } from "../lib/report.ts";
import { quick } from "../lib/target.ts";
import { openOurs } from "./ours.ts";
import type { Input } from "./queue.ts";

/**
 * Jobs with two names and two priorities. The worker keeps a mark for each combination.
 */
const jobsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    name: n % 2 ? "t" : "u",
    priority: n % 4 < 2 ? 0 : 5,
    input: { n },
  }));

export async function measureHeld(db: TestDatabase): Promise<void> {
  const ours = await openOurs(db);
  let done = 0;
  const stop = await ours.start(1, 24, (_: Input) => void done++, "default");
  const holder = postgres(db.url, { max: 1 });
  let adding = true;
  const supply = (async () => {
    let added = 0;
    while (adding) {
      if (added - done < 5_000) {
        await ours.addRaw(jobsOf(1_000));
        added += 1_000;
      } else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const rateFor = async (ms: number) => {
    const [from, began] = [done, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, ms));
    return ((done - from) / (performance.now() - began)) * 1_000;
  };
  await rateFor(2_000);
  const before = await rateFor(quick ? 6_000 : 10_000);
  let release = () => {};
  const held = holder.begin("isolation level repeatable read", async (session) => {
    await session`select txid_current()`;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  await rateFor(quick ? 12_000 : 50_000);
  const during = await rateFor(quick ? 8_000 : 20_000);
  release();
  await held;
  adding = false;
  await supply;
  await stop();
  report({
    bench: "jobs",
    name: "jobs with two names and two priorities, while another transaction stays open",
    on: "postgres",
    unit: "jobs/s",
    ours: during,
    against: "before that transaction began",
    baseline: before,
    ratio: during / before,
  });
  await db.sql`vacuum mayfly.jobs`;
  const [left] =
    await db.sql`select n_dead_tup::integer as dead from pg_stat_user_tables where relname = 'jobs'`;
  report({
    bench: "jobs",
    name: "dead rows after one vacuum, once that transaction has ended",
    on: "postgres",
    unit: "rows",
    ours: left?.dead ?? Number.NaN,
  });
  await holder.end();
  await ours.close();
}
