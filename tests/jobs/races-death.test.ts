/** Invariants 2 and 4, and many callers at once, on a real Postgres 17, because PGlite has only one session. */
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, inTenant, makeAgent, rpc, type SpawnedAgent, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import {
  add,
  claim,
  claimOne,
  complete,
  fail,
  makeWorker,
  makeWorkTenant,
  roomy,
  scopes,
} from "./working.ts";

let db: TestDatabase;

/** The leases that are held by agents that are dead or have a dead ancestor. */
const heldByDead = async (tenant: string) =>
  (
    await db.sql`
      select count(*)::int from mayfly.jobs j
      where j.tenant_id = ${tenant} and j.status = 'running' and exists (
        select from mayfly.agents a join mayfly.agents l on l.tenant_id = a.tenant_id and l.id = any (a.ancestors || a.id)
        where a.tenant_id = j.tenant_id and a.id = j.holder and (l.status <> 'running' or l.expires_at < j.lease_end))`
  )[0]?.count as number;

describe.skipIf(!databaseUrl)("the leases of agents that end", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("end in the statement that stops or suspends their agent or an ancestor, or shortens its life", async () => {
    // No call shortens a life, but a statement of an administrator can.
    const ends: ((parent: SpawnedAgent, agent: SpawnedAgent) => Promise<unknown>)[] = [
      (_, agent) => rpc(db.sql, agent.claims, "stop_agent"),
      (_, agent) => rpc(db.sql, agent.claims, "suspend_agent"),
      (parent) => rpc(db.sql, parent.claims, "stop_agent"),
      (parent) => rpc(db.sql, parent.claims, "suspend_agent"),
      (_, agent) =>
        db.sql`update mayfly.agents set expires_at = clock_timestamp() + interval '1 second' where id = ${agent.id}`,
      (parent) =>
        db.sql`update mayfly.agents set expires_at = clock_timestamp() where id = ${parent.id}`,
    ];
    for (const [nth, end] of ends.entries()) {
      const tenant = await makeWorkTenant(db.sql);
      const parent = await makeWorker(db.sql, tenant);
      const agent = await makeAgent(db.sql, tenant, { as: parent.claims, lifetime: 600, scopes });
      const other = await makeWorker(db.sql, tenant);
      await add(
        db.sql,
        agent.claims,
        Array.from({ length: 101 }, () => ({ name: "a" })),
      );
      const [kept] = (await claim(db.sql, other.claims, 1)).jobs;
      const { jobs } = await claim(db.sql, agent.claims, 100);
      expect(jobs).toHaveLength(100);
      await end(parent, agent);
      expect(await heldByDead(tenant), `end ${nth}`).toBe(0);
      expect((await claim(db.sql, other.claims, 200)).jobs, `end ${nth}`).toHaveLength(100);
      // Another agent's lease is left alone.
      expect(await complete(db.sql, other.claims, [{ lease: kept?.lease ?? "" }])).toMatchObject({
        lost: [],
      });
      const late = complete(
        db.sql,
        agent.claims,
        jobs.map(({ lease }) => ({ lease })),
      );
      // A living agent learns that its leases are lost, and a dead one that it may do nothing.
      const outcome = await late.then(
        ({ lost }) => lost.length,
        () => codeOf(late),
      );
      expect([100, "not_authorized"]).toContain(outcome);
    }
  });

  it("never outlast their agent or its ancestors, even with heartbeats", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const parent = await makeWorker(db.sql, tenant, { lifetime: 20 });
    const agent = await makeAgent(db.sql, tenant, { as: parent.claims, lifetime: 20, scopes });
    await add(db.sql, agent.claims, [{ name: "a" }]);
    const job = await claimOne(db.sql, agent.claims, { lease: 3600 });
    const [end] =
      await db.sql`select least(p.expires_at, a.expires_at) as at from mayfly.agents a, mayfly.agents p
      where a.id = ${agent.id} and p.id = ${parent.id}`;
    expect(Date.parse(job.lease_end)).toBeLessThanOrEqual((end?.at as Date).getTime() + 1);
    await rpc(db.sql, agent.claims, "heartbeat_jobs", { leases: [job.lease], lease: 3600 });
    expect(await heldByDead(tenant)).toBe(0);
  });

  it("are taken back if their claim commits before the agent stops", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const agent = await makeWorker(db.sql, tenant);
    await add(db.sql, agent.claims, [{ name: "a" }]);
    const session = postgres(db.url, { max: 1, onnotice: () => {} });
    try {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const claiming = session.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${JSON.stringify(agent.claims)}, true)`;
        await tx`select mayfly.claim_jobs(1)`;
        begun.resolve();
        await go.promise;
      });
      await begun.promise;
      const stopping = rpc(db.sql, agent.claims, "stop_agent");
      // The stop waits for the claim. The locks show when it waits, so the test does not depend on time.
      for (let waiting = 0; waiting === 0; await pause(5)) {
        const [row] =
          await db.sql`select count(*)::int from pg_locks where locktype = 'advisory' and not granted`;
        waiting = row?.count as number;
      }
      go.resolve();
      await Promise.all([claiming, stopping]);
      expect(await heldByDead(tenant)).toBe(0);
      const [row] =
        await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant} and status = 'ready'`;
      expect(row?.count).toBe(1);
      expect(await codeOf(claim(db.sql, agent.claims))).toBe("not_authorized");
    } finally {
      await session.end();
    }
  });

  it("never stay with a dead agent, and each of thousands of jobs is recorded once, despite two killers", async () => {
    const tenant = await makeWorkTenant(db.sql);
    await db.sql`update mayfly.tenants set ${db.sql(roomy)} where id = ${tenant}`;
    const sql = postgres(db.url, { max: 22, onnotice: () => {} });
    const wanted = 2000;
    const seen = new Map<string, number>();
    const errors = new Map<string, number>();
    const noted = (reason: unknown) => {
      const { code, message } = reason as { code: string; message: string };
      const of = code === "PGRST" ? (JSON.parse(message) as { code: string }).code : code;
      errors.set(of, (errors.get(of) ?? 0) + 1);
    };
    try {
      const boss = await makeWorker(sql, tenant);
      const roots: SpawnedAgent[] = [];
      for (let n = 0; n < 4; n++) roots.push(await makeWorker(sql, tenant));
      const living = new Map<number, SpawnedAgent>();
      let added = 0;
      let stops = 0;
      let bad = 0;
      let ended = false;
      const isDone = async () => {
        const [row] =
          await db.sql`select count(*)::int from mayfly.finished_jobs where tenant_id = ${tenant}`;
        return added >= wanted && row?.count === added;
      };
      const worker = async (n: number) => {
        while (!ended) {
          try {
            let agent = living.get(n);
            if (!agent) {
              agent = await makeAgent(sql, tenant, {
                as: roots[n % 4]?.claims ?? {},
                lifetime: 600,
                scopes,
              });
              living.set(n, agent);
            }
            const { claims } = agent;
            const { jobs } = await claim(sql, claims, 5);
            if (jobs.length === 0) {
              await pause(5);
              continue;
            }
            const chance = Math.random();
            if (chance < 0.3)
              await rpc(sql, claims, "heartbeat_jobs", { leases: jobs.map((job) => job.lease) });
            if (chance > 0.7)
              await rpc(sql, claims, "record_steps", {
                lease: jobs[0]?.lease,
                steps: [{ name: "s", result: 1 }] as never,
              });
            if (chance > 0.9) {
              const failed = jobs.shift();
              await fail(sql, claims, [
                { lease: failed?.lease, error: { message: "x" }, retry_in: 0 },
              ]);
            }
            // If the job that failed above was the only one, there is nothing to complete.
            if (jobs.length === 0) continue;
            const { lost } = await complete(
              sql,
              claims,
              jobs.reverse().map(({ lease }) => ({ lease })),
            );
            for (const [at, job] of jobs.entries())
              if (!lost.includes(at)) seen.set(job.id, (seen.get(job.id) ?? 0) + 1);
          } catch (reason) {
            noted(reason);
            living.delete(n);
          }
        }
      };
      const writer = async (n: number) => {
        while (added < wanted && !ended) {
          added += 20;
          await add(
            sql,
            boss.claims,
            Array.from({ length: 20 }, (_, m) => ({
              name: (n + m) % 2 ? "a" : "b",
              max_attempts: 1000,
            })),
          );
        }
      };
      const killer = async () => {
        while (!ended) {
          await pause(20 + Math.random() * 60);
          try {
            const victims = [...living.values()];
            if (Math.random() < 0.1) {
              const nth = Math.floor(Math.random() * 4);
              const root = roots[nth];
              roots[nth] = await makeWorker(sql, tenant);
              await rpc(sql, root?.claims ?? {}, "stop_agent");
            } else {
              const victim = victims[Math.floor(Math.random() * victims.length)];
              if (victim)
                await rpc(sql, serviceRole, "stop_agent", { id: victim.id }, inTenant(tenant));
            }
            stops++;
            bad += await heldByDead(tenant);
          } catch (reason) {
            noted(reason);
          }
        }
      };
      const all = [
        ...Array.from({ length: 16 }, (_, n) => worker(n)),
        ...Array.from({ length: 4 }, (_, n) => writer(n)),
        killer(),
        killer(),
      ];
      while (!(await isDone())) await pause(100);
      ended = true;
      await Promise.all(all);
      expect(bad).toBe(0);
      expect(stops).toBeGreaterThan(5);
      // Stopped workers get these errors. There is no deadlock, and no other error.
      expect(
        [...errors.keys()].filter(
          (code) =>
            ![
              "not_authorized",
              "lease_lost",
              "scope_missing",
              "tenant_unknown",
              "agent_unknown",
            ].includes(code),
        ),
      ).toEqual([]);
      const [twice] = await db.sql`select count(*)::int from (
        select subject from mayfly.events where tenant_id = ${tenant} and type = 'job.succeeded' group by 1 having count(*) > 1) t`;
      expect(twice?.count).toBe(0);
      const [fine] =
        await db.sql`select count(*)::int from mayfly.finished_jobs where tenant_id = ${tenant} and status = 'succeeded'`;
      expect(fine?.count).toBe(added);
      expect(Math.max(...seen.values())).toBe(1);
    } finally {
      await sql.end();
    }
  });
});
