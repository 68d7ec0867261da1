/** Only workers that sleep are told that there are jobs, and each of them is told once. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { actAs, type Claims } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claim, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

async function makeTold() {
  const tenant = await makeWorkTenant(db.sql);
  const { claims } = await makeWorker(db.sql, tenant);
  return {
    claims,
    told: async () => {
      const [row] = await db.sql`
        select count(*)::integer as n from realtime.messages where topic = ${`tenant:${tenant}:jobs`}`;
      return row?.n as number;
    },
  };
}
/** A worker looks for jobs, finds none, and then sleeps. */
const sleep = (claims: Claims) => claim(db.sql, claims, 1, { park: crypto.randomUUID() });
/** Like `sleep`, but as a worker of the Postgres transport, which is woken by NOTIFY. */
const sleepNotified = (claims: Claims, park = crypto.randomUUID()) =>
  actAs(db.sql, claims, async (session) => {
    await session`select set_config('mayfly.notified', 'on', true)`;
    await session`select mayfly.claim_jobs(1, park => ${park})`;
  });

it("a new job is not announced while no worker sleeps", async () => {
  const { claims, told } = await makeTold();
  await add(db.sql, claims, [{ name: "one" }]);
  expect(await told()).toBe(0);
});

it("many new jobs are announced once to sleeping workers, and again only after a worker sleeps again", async () => {
  const { claims, told } = await makeTold();
  for (let n = 0; n < 3; n++) await sleep(claims);
  await add(
    db.sql,
    claims,
    Array.from({ length: 50 }, () => ({ name: "many" })),
  );
  await add(db.sql, claims, [{ name: "another" }]);
  expect(await told()).toBe(1);
  expect((await claim(db.sql, claims, 100)).jobs).toHaveLength(51);
  await sleep(claims);
  await add(db.sql, claims, [{ name: "later" }]);
  expect(await told()).toBe(2);
});

it("nothing is broadcast for a worker that is woken by NOTIFY, unless another worker sleeps", async () => {
  const { claims, told } = await makeTold();
  await sleepNotified(claims);
  await add(db.sql, claims, [{ name: "one" }]);
  expect(await told()).toBe(0);
  await sleepNotified(claims);
  await sleep(claims);
  await add(db.sql, claims, [{ name: "another" }]);
  expect(await told()).toBe(1);
});

it("a worker that changes its transport is woken by the new one", async () => {
  const { claims, told } = await makeTold();
  const park = crypto.randomUUID();
  await sleepNotified(claims, park);
  await add(db.sql, claims, [{ name: "one" }]);
  await claim(db.sql, claims, 10, { park });
  await add(db.sql, claims, [{ name: "another" }]);
  expect(await told()).toBe(1);
});
