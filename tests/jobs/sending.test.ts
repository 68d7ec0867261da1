/** A new job is sent to a worker that sleeps on a connection of its own, so that the worker need not claim it. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makePerson,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  add,
  type Claimed,
  claim,
  claimOne,
  complete,
  endLeases,
  jobOf,
  makeWorker,
  makeWorkTenant,
  scopes,
  statusOf,
} from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

/** A worker of the Postgres transport looks for jobs, finds none, and sleeps. Returns its id. */
async function sleep(
  claims: Claims,
  {
    wanted = 1,
    names = ["a"] as string[] | null,
    queues = null as string[] | null,
    lease = 30,
  } = {},
  headers: Record<string, string> = {},
): Promise<string> {
  const park = randomUUID();
  await actAs(
    db.sql,
    claims,
    async (session) => {
      await session`select set_config('mayfly.notified', 'on', true)`;
      await session`
        select mayfly.claim_jobs(${wanted}, names => ${names}, queues => ${queues}, lease => ${lease}, park => ${park})`;
    },
    headers,
  );
  return park;
}
const isAsleep = async (park: string) =>
  (await db.sql`select from mayfly_private.job_workers where id = ${park} and until > now()`)
    .length > 0;

async function start() {
  const tenant = await makeWorkTenant(db.sql);
  await db.sql`select mayfly_private.listen_by_postgres(array[${tenant}::uuid])`;
  const worker = await makeWorker(db.sql, tenant);
  const { claims: adder } = await makeWorker(db.sql, tenant);
  const addOne = async (job: Record<string, unknown> = {}) =>
    (await add(db.sql, adder, [{ name: "a", ...job }]))[0]?.id as string;
  const leaseOf = (id: string, attempt = 1) => `${attempt}.${id}.${tenant}`;
  return { tenant, worker, claims: worker.claims, adder, addOne, leaseOf };
}

it("the worker holds the job at once, can complete it, and no longer sleeps", async () => {
  const { tenant, worker, claims, addOne, leaseOf } = await start();
  const park = await sleep(claims);
  const id = await addOne({ input: { n: 1 } });
  expect(await jobOf(db.sql, tenant, id)).toMatchObject({
    status: "running",
    attempt: 1,
    holder: worker.id,
  });
  expect(await isAsleep(park)).toBe(false);
  expect(await complete(db.sql, claims, [{ lease: leaseOf(id), result: 2 }])).toMatchObject({
    lost: [],
  });
  expect(await jobOf(db.sql, tenant, id)).toMatchObject({ status: "succeeded", result: 2 });
});

it("one job goes to one worker, and the others sleep on", async () => {
  const { tenant, claims, addOne } = await start();
  const parks = [await sleep(claims), await sleep(claims)];
  const ids = [await addOne(), await addOne(), await addOne()];
  expect(await Promise.all(ids.map((id) => statusOf(db.sql, tenant, id)))).toEqual([
    "running",
    "running",
    "ready",
  ]);
  expect(await Promise.all(parks.map(isAsleep))).toEqual([false, false]);
});

it("the secret key's worker in one tenant is sent a job too", async () => {
  const { tenant, addOne, leaseOf } = await start();
  await sleep(serviceRole, {}, inTenant(tenant));
  const lease = leaseOf(await addOne());
  expect(await complete(db.sql, serviceRole, [{ lease }], inTenant(tenant))).toMatchObject({
    lost: [],
  });
});

it("only the worker that holds it can end a job that was sent", async () => {
  const { claims, adder, addOne, leaseOf } = await start();
  await sleep(claims);
  const lease = leaseOf(await addOne());
  expect(await complete(db.sql, adder, [{ lease }])).toMatchObject({ lost: [0] });
  expect(await complete(db.sql, claims, [{ lease }])).toMatchObject({ lost: [] });
});

it("a job that never reaches its worker is ready again after 5 s, for anybody", async () => {
  const { claims, adder, addOne, leaseOf } = await start();
  await sleep(claims, { lease: 3_600 });
  const id = await addOne();
  expect((await claim(db.sql, adder)).jobs).toEqual([]);
  await endLeases(db, 5);
  expect(await claimOne(db.sql, adder)).toMatchObject({ id, attempt: 2 });
  expect(await complete(db.sql, claims, [{ lease: leaseOf(id) }])).toMatchObject({ lost: [0] });
});

it("a heartbeat extends the short lease to that of the worker", async () => {
  const { tenant, claims, addOne, leaseOf } = await start();
  await sleep(claims);
  const id = await addOne();
  await rpc(db.sql, claims, "heartbeat_jobs", { leases: [leaseOf(id)], lease: 30 });
  await endLeases(db, 5);
  await claim(db.sql, claims);
  expect(await statusOf(db.sql, tenant, id)).toBe("running");
});

it.each<[string, (at: Awaited<ReturnType<typeof start>>) => Promise<string>]>([
  [
    "has another name",
    async ({ claims, addOne }) => {
      await sleep(claims);
      return addOne({ name: "b" });
    },
  ],
  [
    "has a queue that the worker does not serve",
    async ({ claims, addOne }) => {
      await sleep(claims, { queues: ["other"] });
      return addOne();
    },
  ],
  [
    "is due later",
    async ({ claims, addOne }) => {
      await sleep(claims);
      return addOne({ delay: 60 });
    },
  ],
  [
    "is for another agent",
    async ({ claims, addOne }) => {
      await sleep(claims);
      return addOne({ target: { type: "other" } });
    },
  ],
  [
    "is too large for a NOTIFY",
    async ({ claims, addOne }) => {
      await sleep(claims);
      return addOne({ input: { text: "x".repeat(7_000) } });
    },
  ],
  [
    "has a queue with settings",
    async ({ tenant, claims, addOne }) => {
      await rpc(db.sql, serviceRole, "set_queue", { name: "a", max_running: 5 }, inTenant(tenant));
      await sleep(claims);
      return addOne();
    },
  ],
  [
    "meets a worker that names no jobs",
    async ({ claims, addOne }) => {
      await sleep(claims, { names: null });
      return addOne();
    },
  ],
  [
    "meets a worker that said that it ends",
    async ({ claims, addOne }) => {
      const park = await sleep(claims);
      await claim(db.sql, claims, 0, { park });
      return addOne();
    },
  ],
  [
    "meets a worker that Realtime would wake",
    async ({ claims, addOne }) => {
      await claim(db.sql, claims, 1, { names: ["a"], park: randomUUID() });
      return addOne();
    },
  ],
  [
    "meets a person",
    async ({ tenant, addOne }) => {
      await sleep(await makePerson(db.sql, { [tenant]: "member" }), {}, inTenant(tenant));
      return addOne();
    },
  ],
  [
    "meets a worker to whose tenant nobody listens",
    async ({ tenant, claims, addOne }) => {
      await sleep(claims);
      await db.sql`delete from mayfly_private.postgres_listeners where tenant_id = ${tenant}`;
      return addOne();
    },
  ],
  [
    "meets an agent that was suspended",
    async ({ claims, addOne }) => {
      await sleep(claims);
      await rpc(db.sql, claims, "suspend_agent");
      return addOne();
    },
  ],
  [
    "meets an agent whose parent has ended",
    async ({ tenant, claims, addOne }) => {
      const child = await makeAgent(db.sql, tenant, { as: claims, lifetime: 600, scopes });
      await sleep(child.claims);
      await rpc(db.sql, claims, "stop_agent");
      return addOne();
    },
  ],
])("a job that %s is ready for a claim as usual", async (_, act) => {
  const at = await start();
  expect(await statusOf(db.sql, at.tenant, await act(at))).toMatch(/^(ready|scheduled)$/);
});

it("a job is not sent to another tenant's worker, even one of the same name", async () => {
  const [one, other] = [await start(), await start()];
  await sleep(one.claims);
  expect(await statusOf(db.sql, other.tenant, await other.addOne())).toBe("ready");
});

it("an agent that ends gives back what was sent to it", async () => {
  const { tenant, claims, adder, addOne } = await start();
  await sleep(claims);
  const id = await addOne();
  await rpc(db.sql, claims, "stop_agent");
  expect(await statusOf(db.sql, tenant, id)).toBe("ready");
  expect(await claimOne(db.sql, adder)).toMatchObject({
    id,
    attempt: 2,
  } satisfies Partial<Claimed>);
});

it("the lease of a job that was sent ends with its agent", async () => {
  const { tenant, addOne } = await start();
  const brief = await makeWorker(db.sql, tenant, { lifetime: 5 });
  await sleep(brief.claims);
  await db.advance("3 seconds");
  const { lease_end: end } = (await jobOf(db.sql, tenant, await addOne())) as { lease_end: string };
  const [agent] = await db.sql`select expires_at from mayfly.agents where id = ${brief.id}`;
  expect(Date.parse(end)).toBeLessThanOrEqual((agent?.expires_at as Date).getTime() + 1);
});
