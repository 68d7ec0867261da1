/**
 * Jobs on a real Postgres 17 while everything breaks. 16 workers run in four processes. At random, a process
 * is killed with kill -9, or stopped with SIGSTOP for longer than the leases of its workers, so that they
 * wake as zombies. A poison job kills its worker each time. An agent is stopped while it holds 100 jobs.
 * Connections end, and broadcasts are lost. Meanwhile four writers add jobs. Afterwards each job must have
 * ended once, no recorded step may have been done again, and no dead agent may hold a job.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HeldJob, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { randomOf, seed } from "./random.ts";
import { type Stack, startStack } from "./stack.ts";
import { Workers } from "./workers.ts";

const processes = 4;
const writers = 4;
const builds = 120;
/** How many jobs an agent holds when it is stopped. */
const held = 100;
const poisons = 3;
const blows = 40;
const breakingMs = 60_000;

const untilOver = (signal: AbortSignal) =>
  new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));

describe.skipIf(!databaseUrl)("jobs, while their workers are killed", () => {
  let db: TestDatabase;
  let stack: Stack;
  let folder: string;
  let workers: Workers | undefined;
  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    db = await openPostgresDatabase({ durable: true });
    folder = await mkdtemp(join(tmpdir(), "mayfly-jobs-chaos-"));
    stack = await startStack({
      dbUrl: db.url,
      broadcastLeadMs: 0,
      limits: { joinErrorBackoffMs: 20, joinsPerSecond: 10_000, messagesPerSecond: 10_000 },
      faults: { seed, drop: 0.3, closeSocket: 0.02, refuseJoin: 0.1 },
    });
  });
  afterAll(async () => {
    workers?.end();
    await stack?.close();
    await db?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it("are each recorded once, repeat no recorded step, and make a dead letter of the poison job", async () => {
    const random = randomOf(seed);
    const roomy = {
      writes_per_minute: 2_000_000_000,
      max_living_agents: 10_000,
      spawns_per_minute: 100_000,
    };
    const tenant = await makeTenant(db.sql, roomy);
    const { apiUrl, secretKey } = stack.serving;
    const mayfly = new Mayfly({ url: apiUrl, key: secretKey, tenant });
    const file = join(folder, "effects");
    await writeFile(file, "");
    workers = new Workers("job-worker.ts", [apiUrl, secretKey, tenant, file]);
    // This agent holds a hundred jobs when it is stopped. Other agents can claim these jobs at once.
    const { data: holder } = await mayfly.spawn({ lifetime: 300 });
    let begun = 0;
    const holding = await holder?.work(
      {
        held: (_: unknown, job: HeldJob) => {
          begun++;
          return untilOver(job.signal);
        },
      },
      { concurrency: held, onError: () => {} },
    );
    await mayfly.jobs.add(Array.from({ length: held }, () => ({ name: "held", maxAttempts: 100 })));
    await expect.poll(() => begun, { timeout: 60_000 }).toBe(held);
    workers.start(processes);

    const names = [
      ...Array.from({ length: builds }, () => ({ name: "build", maxAttempts: 100 })),
      ...Array.from({ length: poisons }, () => ({ name: "poison", maxAttempts: 3 })),
    ];
    const added = await mayfly.jobs.add(names);
    expect(added.error).toBeNull();
    const left = async () => {
      const [row] =
        await db.sql`select count(*)::int as n from mayfly.jobs where tenant_id = ${tenant}`;
      return row?.n as number;
    };
    const stopHolder = async () => {
      const stopped = await mayfly.agents.stop(holder?.id ?? "");
      if (stopped.error) return false;
      const [row] = await db.sql`
        select count(*)::int as n from mayfly.jobs where tenant_id = ${tenant} and holder = ${holder?.id ?? ""}`;
      expect(row?.n, "held by the dead").toBe(0);
      return true;
    };

    // More jobs are added during the failures, so that there is always a job that could be lost.
    let more = 0;
    let isHolderStopped = false;
    // A busy machine gets fewer failures, because the loop waits until the jobs of each round are added.
    const began = performance.now();
    for (let blow = 0; blow < blows && performance.now() - began < breakingMs; blow++) {
      await new Promise((resolve) => setTimeout(resolve, random.between(50, 400)));
      await workers.strike(random, db.sql, { kill: 0.5, stop: 0.25 });
      if (blow >= 5 && !isHolderStopped) isHolderStopped = await stopHolder();
      const added = await Promise.all(
        Array.from({ length: writers }, (_, writer) =>
          mayfly.jobs.add("build", {}, { key: `blow ${blow} ${writer}`, maxAttempts: 100 }),
        ),
      );
      more += added.filter(({ data }) => data).length;
    }
    while (!isHolderStopped) isHolderStopped = await stopHolder();
    await holding?.data?.ended;
    await expect.poll(left, { timeout: 240_000, interval: 500 }).toBe(0);
    workers.end();

    const ended = await db.sql`
      select name, status, count(*)::int as n, min(attempt) as least, max(attempt) as most
      from mayfly.finished_jobs where tenant_id = ${tenant} group by name, status order by name`;
    console.log(
      `${workers.deaths} processes died, ${workers.zombies} were stopped; at most ${ended[0]?.most} attempts of a job`,
    );
    const [keyed] = await db.sql`
      select count(*)::int as n from mayfly.finished_jobs where tenant_id = ${tenant} and key like 'blow %'`;
    // Jobs may have been added even though the answer to the call was lost.
    expect(keyed?.n).toBeGreaterThanOrEqual(more);
    expect([...ended]).toMatchObject([
      { name: "build", status: "succeeded", n: builds + keyed?.n },
      { name: "held", status: "succeeded", n: held },
      { name: "poison", status: "failed", n: poisons, least: 3, most: 3 },
    ]);
    const why = await db.sql`
      select distinct a.error ->> 'code' as code from mayfly.job_attempts a
      join mayfly.finished_jobs f on f.tenant_id = a.tenant_id and f.id = a.job_id
      where f.tenant_id = ${tenant} and f.name = 'poison'`;
    expect(why.map(({ code }) => code)).toEqual(["lease_ended"]);

    const steps = await db.sql`
      select job_id || '/' || name as key, attempt from mayfly.job_steps where tenant_id = ${tenant}`;
    expect(steps).toHaveLength((builds + keyed?.n) * 3);
    const recorded = new Map(steps.map(({ key, attempt }) => [key as string, attempt as number]));
    const effects = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const seen = new Set<string>();
    let repeated = 0;
    for (const [key = "", attempt = ""] of effects) {
      // No attempt after the one that recorded a step may do the step again.
      expect(Number(attempt), key).toBeLessThanOrEqual(recorded.get(key) ?? -1);
      if (seen.has(key)) repeated++;
      seen.add(key);
    }
    expect(seen.size).toBe(recorded.size);
    console.log(
      `${effects.length} effects of ${recorded.size} steps; ${repeated} could not be recorded the first time`,
    );
    const ends = await db.sql`
      select subject, count(*)::int as n from mayfly.events
      where tenant_id = ${tenant} and type in ('job.succeeded', 'job.failed') group by subject having count(*) > 1`;
    expect(ends).toHaveLength(0);
    await mayfly.close();
  });
});
