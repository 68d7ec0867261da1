/**
 * Workflows on a real Postgres 17 while everything breaks. The processes of their workers are killed with
 * kill -9, or stopped for longer than their leases. Connections end, and broadcasts are lost. Runs of code
 * use steps, children, a map, a wait for a signal or a time, an approval and a sleep. Runs of a graph use a
 * map, a condition and a join. Afterwards each run must have the right result, and each child must exist
 * once. No recorded step may have been done again, and no signal or decision may have been lost.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { randomOf, seed } from "./random.ts";
import { type Stack, startStack } from "./stack.ts";
import { Workers } from "./workers.ts";
import { asCode, asGraph, codeGives, graphGives } from "./workflow-kinds.ts";

const processes = 3;
const runs = 12;
const blows = 25;
const breakingMs = 45_000;

describe.skipIf(!databaseUrl)("workflows, while their workers are killed", () => {
  let db: TestDatabase;
  let stack: Stack;
  let folder: string;
  let workers: Workers | undefined;
  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    db = await openPostgresDatabase();
    folder = await mkdtemp(join(tmpdir(), "mayfly-workflows-chaos-"));
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

  it("return the right results, run each child once, and repeat no recorded step", async () => {
    const random = randomOf(seed);
    const tenant = await makeTenant(db.sql, {
      writes_per_minute: 2_000_000_000,
      max_living_agents: 10_000,
      spawns_per_minute: 100_000,
    });
    const { apiUrl, secretKey } = stack.serving;
    const mayfly = new Mayfly({ url: apiUrl, key: secretKey, tenant });
    const file = join(folder, "effects");
    await writeFile(file, "");
    workers = new Workers("workflow-worker.ts", [apiUrl, secretKey, tenant, file]);
    workers.start(processes);

    const ids = { code: [] as string[], graph: [] as string[] };
    /** Tries until the call succeeds, despite all failures. Because of its key, a run is still started once. */
    const surely = async <T>(work: () => Promise<{ data: T | null; error: unknown }>) => {
      for (;;) {
        const { data } = await work();
        if (data !== null) return data;
      }
    };
    for (let n = 0; n < runs; n++) {
      const options = { key: `run ${n}`, maxAttempts: 100 };
      const code = await surely(() => mayfly.workflows.start(asCode, { n }, options));
      ids.code.push(code.id);
      const shape = { ...options, key: `graph ${n}` };
      const declared = await surely(() => mayfly.workflows.start(asGraph, { n }, shape));
      ids.graph.push(declared.id);
    }

    const signalled = new Set<string>();
    /** Signals some runs, whether they already wait or not, and approves requests. */
    const goOn = async () => {
      const next = ids.code.findIndex((id) => !signalled.has(id));
      if (next >= 0) {
        const id = ids.code[next] ?? "";
        const { error } = await mayfly.workflows.signal(id, "go", next * 10);
        // After an error, the signal may have arrived all the same. A second one is kept, and nobody uses it.
        if (!error) signalled.add(id);
      }
      const { data: asked } = await mayfly.approvals.list({ status: "pending" });
      await mayfly.approvals.decide(
        (asked ?? []).map(({ id, digest }) => ({ id, digest, verdict: "approve" as const })),
      );
    };
    const left = async () => {
      const [row] =
        await db.sql`select count(*)::int as n from mayfly.jobs where tenant_id = ${tenant}`;
      return row?.n as number;
    };
    const began = performance.now();
    for (let blow = 0; blow < blows && performance.now() - began < breakingMs; blow++) {
      await new Promise((resolve) => setTimeout(resolve, random.between(100, 700)));
      await workers.strike(random, db.sql, { kill: 0.55, stop: 0.2 });
      await goOn();
    }
    await expect.poll(() => goOn().then(left), { timeout: 240_000, interval: 300 }).toBe(0);
    workers.end();
    console.log(`${workers.deaths} processes died, ${workers.zombies} were stopped`);

    const ended = await db.sql<{ id: string; status: string; result: unknown; attempt: number }[]>`
      select id, status, result, attempt from mayfly.finished_jobs where tenant_id = ${tenant}`;
    const of = new Map(ended.map((one) => [one.id, one]));
    for (let n = 0; n < runs; n++) {
      expect(of.get(ids.code[n] ?? "")).toMatchObject({
        status: "succeeded",
        result: codeGives(n),
      });
      expect(of.get(ids.graph[n] ?? "")).toMatchObject({
        status: "succeeded",
        result: graphGives(n),
      });
    }
    // Each run has ended once, with its jobs: two squares for a run of code; a list, three squares and a sum for a
    // run of a graph. The skipped step has no job.
    expect(ended).toHaveLength(runs * (1 + 2) + runs * (1 + 5));
    const [asked] = await db.sql`
      select count(*)::int as n, count(*) filter (where status = 'approved')::int as approved
      from mayfly.approvals where tenant_id = ${tenant}`;
    expect(asked).toEqual({ n: runs, approved: runs });

    const steps = await db.sql`
      select job_id || '/' || name as key, attempt from mayfly.job_steps where tenant_id = ${tenant}`;
    const recorded = new Map(steps.map(({ key, attempt }) => [key as string, attempt as number]));
    const effects = (await readFile(file, "utf8")).trim().split("\n");
    const seen = new Set<string>();
    for (const effect of effects) {
      const [, key = "", attempt = ""] = /^(.*) (\d+)$/.exec(effect) ?? [];
      expect(Number(attempt), key).toBeLessThanOrEqual(recorded.get(key) ?? -1);
      seen.add(key);
    }
    expect(seen.size).toBe(runs * 2);
    console.log(`${effects.length} effects of ${seen.size} steps`);
    await mayfly.close();
  });
});
