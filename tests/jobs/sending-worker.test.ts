/** What the SDK's worker does with jobs that are sent to it, on a connection of its own to a real Postgres 17. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { type DirectDoor, directDoor, Worker } from "#harness/jobs-door";
import { databaseUrl } from "#harness/needs";
import { add, jobOf, makeWorker, makeWorkTenant, statusOf } from "./working.ts";

let db: TestDatabase;

/** A worker whose sent jobs wait in `sent` until the test passes them to `tell`. */
async function start(concurrency: number) {
  const tenant = await makeWorkTenant(db.sql);
  const { claims } = await makeWorker(db.sql, tenant);
  const adder = await makeWorker(db.sql, tenant);
  const door: DirectDoor = await directDoor(db.url, claims);
  const sent: object[] = [];
  const go = Promise.withResolvers<void>();
  const begun: number[] = [];
  let tell: (sent?: object) => void = () => {};
  const work = Worker.start(
    {
      ...door,
      onWake(listener) {
        tell = listener;
        return door.onWake((job) => (job ? void sent.push(job) : listener()));
      },
    },
    {
      a: async ({ n }: { n: number }) => {
        begun.push(n);
        await go.promise;
      },
    },
    { concurrency, pollMs: 600_000, drainOnTermination: false },
  );
  if (work.error) throw work.error;
  const asleep = () => db.sql`
    select from mayfly_private.job_workers w
    join mayfly_private.postgres_listeners l on l.tenant_id = w.tenant_id
    where w.tenant_id = ${tenant} and w.until > now()`;
  return {
    tenant,
    adder,
    sent,
    begun,
    go: go.resolve,
    work: work.data,
    tell: (job?: object) => tell(job),
    add: async (n: number, more = {}) =>
      (await add(db.sql, adder.claims, [{ name: "a", input: { n }, ...more }]))[0]?.id as string,
    isAsleep: () => expect.poll(async () => (await asleep()).length).toBe(1),
    isGone: async () => (await asleep()).length === 0,
    close: () => door.close(),
  };
}

describe.skipIf(!databaseUrl)("a worker", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("starts a job that was sent to it, and has its full lease at once", async () => {
    const at = await start(1);
    await at.isAsleep();
    const id = await at.add(1);
    await expect.poll(() => at.sent.length).toBe(1);
    at.tell(at.sent[0]);
    await expect.poll(() => at.begun).toEqual([1]);
    const lasts = async () => {
      const [row] = await db.sql`
        select extract(epoch from lease_end - started_at)::float8 as s from mayfly.jobs where id = ${id}`;
      return row?.s as number;
    };
    await expect.poll(lasts).toBeGreaterThan(25);
    at.go();
    await expect.poll(() => statusOf(db.sql, at.tenant, id)).toBe("succeeded");
    expect(await jobOf(db.sql, at.tenant, id)).toMatchObject({ attempt: 1 });
    await at.work.stop();
    await at.close();
  });

  it("gives back a job that is sent while it drains, and is sent none after that", async () => {
    const at = await start(2);
    await at.isAsleep();
    await at.add(1);
    await expect.poll(() => at.sent.length).toBe(1);
    at.tell(at.sent[0]);
    await expect.poll(() => at.begun).toEqual([1]);
    await at.isAsleep();
    const second = await at.add(2);
    await expect.poll(() => at.sent.length).toBe(2);
    const stopping = at.work.stop();
    at.tell(at.sent[1]);
    await expect.poll(() => statusOf(db.sql, at.tenant, second)).toBe("ready");
    await expect.poll(at.isGone).toBe(true);
    expect(await statusOf(db.sql, at.tenant, await at.add(3))).toBe("ready");
    at.go();
    await stopping;
    expect(at.begun).toEqual([1]);
    await at.close();
  });

  it("gives back a job that is sent when it is busy, and leaves alone one for another worker", async () => {
    const at = await start(1);
    await at.isAsleep();
    const first = await at.add(1);
    await expect.poll(() => at.sent.length).toBe(1);
    await at.add(2, { priority: 1 });
    at.tell();
    await expect.poll(() => at.begun).toEqual([2]);
    at.tell({ ...at.sent[0], worker: crypto.randomUUID() });
    at.tell(at.sent[0]);
    await expect.poll(() => statusOf(db.sql, at.tenant, first)).toBe("ready");
    at.go();
    await expect.poll(() => statusOf(db.sql, at.tenant, first)).toBe("succeeded");
    expect(at.begun).toEqual([2, 1]);
    await at.work.stop();
    await at.close();
  });
});
