import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, inTenant, rpc, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import {
  add,
  claim,
  claimAny,
  claimOne,
  complete,
  makeWorker,
  makeWorkTenant,
  statusOf,
} from "./working.ts";

let db: TestDatabase;

describe.skipIf(!databaseUrl)("the job queue under concurrency", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("loses no signal between a job that falls asleep and the caller that wakes it, 200 times", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant);
    let early = 0;
    for (let n = 0; n < 200; n++) {
      const [job] = await add(db.sql, claims, [{ name: "a" }]);
      const { lease } = await claimOne(db.sql, claims);
      const [wait] = await Promise.all([
        rpc<{ signal?: string; waiting?: boolean }>(db.sql, claims, "wait_job", {
          lease,
          step: "w",
          signals: ["go"],
        }),
        rpc(db.sql, claims, "signal_job", { id: job?.id, name: "go", payload: n }),
      ]);
      if (wait.signal) early++;
      const last = wait.signal ? { lease } : await claimOne(db.sql, claims);
      if (!wait.signal)
        expect(
          await rpc(db.sql, claims, "wait_job", { lease: last.lease, step: "w", signals: ["go"] }),
        ).toEqual({ signal: "go", payload: n });
      await complete(db.sql, claims, [{ lease: last.lease }]);
    }
    expect(early).toBeLessThan(201);
  });

  it("notices each child that ends while its parent goes to sleep, and cancels both without a deadlock", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant);
    for (let n = 0; n < 30; n++) {
      const [parent] = await add(db.sql, claims, [{ name: "parent" }]);
      const { lease } = await claimOne(db.sql, claims, { queues: ["parent"] });
      const children = await add(
        db.sql,
        claims,
        Array.from({ length: 8 }, () => ({ name: "child" })),
        { lease },
      );
      const taken = await claim(db.sql, claims, 8, { queues: ["child"] });
      const signals = children.map((child) => `job:${child.id}`);
      const work: Promise<unknown>[] = taken.jobs.map((job) =>
        complete(db.sql, claims, [{ lease: job.lease }]),
      );
      if (n % 2) work.push(rpc(db.sql, claims, "cancel_jobs", { ids: [parent?.id ?? ""] }));
      else work.push(rpc(db.sql, claims, "wait_job", { lease, step: "w", signals }));
      await Promise.all(work);
      if (n % 2) await complete(db.sql, claims, [{ lease }]);
      else expect(["ready", "running"]).toContain(await statusOf(db.sql, tenant, parent?.id ?? ""));
      const again = await claim(db.sql, claims, 1, { queues: ["parent"] });
      await complete(db.sql, claims, [{ lease: again.jobs[0]?.lease ?? lease }]);
    }
  });

  it("wakes a worker for a job that is added while the worker looks for the second time", async () => {
    const { claims } = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    const park = randomUUID();
    await claim(db.sql, claims, 1, { park });
    await actAs(db.sql, claims, async (session) => {
      await session`select mayfly.claim_jobs(1, park => ${park})`;
      await add(db.sql, claims, [{ name: "a" }]);
    });
    expect(
      await db.sql`select until > now() as asleep from mayfly_private.job_workers where id = ${park}`,
    ).toMatchObject([{ asleep: false }]);
  });

  it("tells a worker that goes to sleep about a job that is just being added", async () => {
    const { claims } = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    const other = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    const park = randomUUID();
    const look = async (by = claims, own = park) => {
      const { jobs, late } = (await claim(db.sql, by, 1, { park: own })) as unknown as {
        jobs: unknown[];
        late: boolean;
      };
      return [jobs.length, late];
    };
    await actAs(db.sql, claims, async (session) => {
      // Nobody sleeps yet, so nobody is woken. The new job commits after the worker's last look.
      await session`select mayfly.add_jobs('[{"name": "a"}]')`;
      expect(await look()).toEqual([0, true]);
      expect(await look()).toEqual([0, true]);
      expect(await look(other.claims, randomUUID())).toEqual([0, false]);
    });
    expect(await look()).toEqual([1, false]);
    expect(await look()).toEqual([0, false]);
  });

  it("adds one job if 16 callers add the same key at once", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant);
    const answers = await Promise.all(
      Array.from({ length: 16 }, () =>
        add(db.sql, claims, [{ name: "a", key: "k" }, { name: "b" }]),
      ),
    );
    expect(new Set(answers.map(([job]) => job?.id)).size).toBe(1);
    expect(answers.filter(([job]) => !job?.existing)).toHaveLength(1);
    const [row] = await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant}`;
    expect(row?.count).toBe(17);
  });

  it("keeps the limit of a queue when many claim at once", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const workers = await Promise.all(Array.from({ length: 8 }, () => makeWorker(db.sql, tenant)));
    await rpc(db.sql, serviceRole, "set_queue", { name: "a", max_running: 3 }, inTenant(tenant));
    await add(
      db.sql,
      workers[0]?.claims ?? {},
      Array.from({ length: 100 }, () => ({ name: "a" })),
    );
    for (let n = 0; n < 10; n++) {
      const all = await Promise.all(workers.map(({ claims }) => claim(db.sql, claims, 5)));
      const [row] =
        await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant} and status = 'running'`;
      expect(row?.count).toBeLessThanOrEqual(3);
      await Promise.all(
        all.map(({ jobs }, nth) =>
          jobs.length > 0
            ? complete(
                db.sql,
                workers[nth]?.claims ?? {},
                jobs.map(({ lease }) => ({ lease })),
              )
            : null,
        ),
      );
    }
  });

  it("keeps the limit of a tenant, so that its long jobs leave room for other tenants", async () => {
    const [long, short] = [await makeWorkTenant(db.sql), await makeWorkTenant(db.sql)];
    await rpc(db.sql, serviceRole, "set_job_share", { max_running: 4 }, inTenant(long));
    for (const [tenant, count] of [
      [long, 50],
      [short, 50],
    ] as const) {
      const { claims } = await makeWorker(db.sql, tenant);
      await add(
        db.sql,
        claims,
        Array.from({ length: count }, () => ({ name: `of-${tenant.slice(0, 8)}` })),
      );
    }
    const names = [long, short].map((tenant) => `of-${tenant.slice(0, 8)}`);
    const taken = [];
    for (let n = 0; n < 6; n++) taken.push(...(await claimAny(db.sql, 10, { names })).jobs);
    expect(taken.filter((job) => job.tenant_id === long)).toHaveLength(4);
    expect(taken.filter((job) => job.tenant_id === short)).toHaveLength(50);
  });
});
