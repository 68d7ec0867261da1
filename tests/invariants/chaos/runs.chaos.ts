/**
 * Runs of agents on a real Postgres 17. The processes of their workers are killed with kill -9, connections
 * end, and broadcasts are lost. The model is scripted. Each run calls tools, asks another agent, and waits for
 * an approval. Afterwards each run must have the right answer, nobody may have paid for an answer that was
 * already recorded, and each effect of a tool must have its audit row. Nothing may still be reserved.
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
import { answerOf, calling } from "./run-kinds.ts";
import { type Stack, startStack } from "./stack.ts";
import { Workers } from "./workers.ts";

const processes = 3;
const runs = 16;
const blows = 20;
const breakingMs = 40_000;

describe.skipIf(!databaseUrl)("runs, while their workers are killed", () => {
  let db: TestDatabase;
  let stack: Stack;
  let folder: string;
  let workers: Workers | undefined;
  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    db = await openPostgresDatabase();
    folder = await mkdtemp(join(tmpdir(), "mayfly-runs-chaos-"));
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

  it("answer right, and pay for no recorded answer again", async () => {
    const random = randomOf(seed);
    const tenant = await makeTenant(db.sql, {
      writes_per_minute: 2_000_000_000,
      max_living_agents: 10_000,
      spawns_per_minute: 100_000,
    });
    const { apiUrl, secretKey } = stack.serving;
    const mayfly = new Mayfly({ url: apiUrl, key: secretKey, tenant });
    const file = join(folder, "seen");
    await writeFile(file, "");
    workers = new Workers("run-worker.ts", [apiUrl, secretKey, tenant, file]);
    workers.start(processes);
    for (let n = 0; n < runs; ) {
      const { data } = await mayfly.runs.start("counter", `Count ${n}.`, { key: `run ${n}` });
      if (data) n++;
    }

    const approve = async () => {
      const { data: asked } = await mayfly.approvals.list({ status: "pending" });
      if (asked && asked.length > 0)
        await mayfly.approvals.decide(
          asked.map(({ id, digest }) => ({ id, digest, verdict: "approve" as const })),
        );
    };
    const left = async () => {
      const [row] =
        await db.sql`select count(*)::int as n from mayfly.jobs where tenant_id = ${tenant}`;
      return row?.n as number;
    };
    const began = performance.now();
    for (let blow = 0; blow < blows && performance.now() - began < breakingMs; blow++) {
      // A process needs two seconds to start and claim, and would do nothing if it were killed sooner.
      await new Promise((resolve) => setTimeout(resolve, random.between(500, 2_500)));
      // Workers are killed, but never only paused. A worker that is paused just before it calls a model pays
      // for the call when it continues, even if another worker has recorded an answer meanwhile.
      await workers.strike(random, db.sql, { kill: 0.75, stop: 0 });
      await approve();
    }
    await expect.poll(() => approve().then(left), { timeout: 240_000, interval: 300 }).toBe(0);
    workers.end();

    const ended = await db.sql`
      select r.agent, r.status, r.steps, r.input #>> '{}' as input, r.output #>> '{}' as output
      from mayfly.runs r where r.tenant_id = ${tenant}`;
    const counters = ended.filter(({ agent }) => agent === "counter");
    const expected = Array.from({ length: runs }, (_, n) => ({
      ...{ agent: "counter", status: "succeeded", steps: calling + 1 },
      ...{ input: `Count ${n}.`, output: answerOf(n) },
    }));
    const byInput = (a: { input?: string }, b: { input?: string }) =>
      String(a.input).localeCompare(String(b.input));
    expect([...counters].sort(byInput)).toEqual(expected.sort(byInput));
    expect(ended).toHaveLength(runs * 2);

    const calls = await db.sql`
      select run_id || '/' || step as key, extract(epoch from at)::float8 * 1000 as at
      from mayfly.run_model_calls where tenant_id = ${tenant} and parts is not null`;
    const recorded = new Map(calls.map(({ key, at }) => [key as string, at as number]));
    expect(recorded.size).toBe(runs * (calling + 1 + 1));
    const tools = await db.sql`
      select run_id || '/' || step || '/' || call_id as key, status, attempts
      from mayfly.run_tool_calls where tenant_id = ${tenant}`;
    const audited = new Map(tools.map(({ key, ...row }) => [key as string, row]));
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    let paid = 0;
    const effects = new Set<string>();
    for (const line of lines) {
      const [kind, key = "", number] = line.split(" ");
      if (kind === "paid") {
        paid++;
        expect(Number(number), `${key} was paid after it was recorded`).toBeLessThanOrEqual(
          recorded.get(key) ?? 0,
        );
      } else {
        effects.add(key);
        const row = audited.get(key);
        expect(row?.status, key).toBe("succeeded");
        expect(Number(number), key).toBeLessThanOrEqual(row?.attempts as number);
      }
    }
    // One call of each run asks the other agent.
    expect(effects.size).toBe(runs * (calling - 1));
    const [ledger] = await db.sql`
      select count(*)::int as calls from mayfly.model_usage where tenant_id = ${tenant}`;
    expect(ledger?.calls).toBe(recorded.size);
    await db.sql`select mayfly_private.maintain_costs(${tenant}, 1000)`;
    const held = await db.sql`
      select from mayfly_private.cost_holds where tenant_id = ${tenant} and released_at is null`;
    expect(held).toHaveLength(0);
    const [interrupted] = await db.sql`
      select count(*)::int as n from mayfly.job_attempts
      where tenant_id = ${tenant} and error ->> 'code' = 'lease_ended'`;
    expect(interrupted?.n).toBeGreaterThan(0);
    console.log(
      `${workers.deaths} processes died, ${interrupted?.n} attempts with them; ` +
        `${paid} calls paid for ${recorded.size} recorded answers`,
    );
    await mayfly.close();
  });
});
