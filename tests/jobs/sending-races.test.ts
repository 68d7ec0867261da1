/** Jobs that are sent to sleeping workers while these end, on a real Postgres 17, because PGlite has only one session. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, rpc } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { add, makeWorker, makeWorkTenant, statusOf } from "./working.ts";

let db: TestDatabase;

const turn = (claims: Claims, park: string, done: { lease: string }[] = []) =>
  actAs(db.sql, claims, async (session) => {
    await session`select set_config('mayfly.notified', 'on', true)`;
    await session`select mayfly.turn_jobs(done => ${done as never}, names => array['a'], park => ${park})`;
  });

async function start() {
  const tenant = await makeWorkTenant(db.sql);
  await db.sql`select mayfly_private.listen_by_postgres(array[${tenant}::uuid])`;
  const adder = await makeWorker(db.sql, tenant);
  const worker = await makeWorker(db.sql, tenant);
  const park = randomUUID();
  await turn(worker.claims, park);
  return { tenant, adder, worker, park };
}

describe.skipIf(!databaseUrl)("a job that is sent to a worker", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("is taken back if it is sent before the agent stops", async () => {
    const { tenant, adder, worker } = await start();
    const session = postgres(db.url, { max: 1, onnotice: () => {} });
    try {
      const begun = Promise.withResolvers<string>();
      const go = Promise.withResolvers<void>();
      const adding = session.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${JSON.stringify(adder.claims)}, true)`;
        const [row] = await tx`select mayfly.add_jobs('[{"name": "a"}]') -> 0 ->> 'id' as id`;
        begun.resolve(row?.id);
        await go.promise;
      });
      const id = await begun.promise;
      const stopping = rpc(db.sql, worker.claims, "stop_agent");
      // The stop waits until the job is added. The locks show when it waits, so the test does not depend on time.
      for (let waiting = 0; waiting === 0; await pause(5)) {
        const [row] =
          await db.sql`select count(*)::int from pg_locks where locktype = 'advisory' and not granted`;
        waiting = row?.count as number;
      }
      go.resolve();
      await Promise.all([adding, stopping]);
      expect(await statusOf(db.sql, tenant, id)).toBe("ready");
    } finally {
      await session.end();
    }
  });

  it("is not sent while the agent stops, and adding it does not wait", async () => {
    const { tenant, adder, worker } = await start();
    const id = await actAs(db.sql, worker.claims, async (session) => {
      await session`select mayfly.stop_agent()`;
      const [job] = await add(db.sql, adder.claims, [{ name: "a" }]);
      return job?.id as string;
    });
    expect(await statusOf(db.sql, tenant, id)).toBe("ready");
  });

  it("never stays with a dead agent, and nobody waits for ever, if all of this happens at once", async () => {
    const { tenant, adder } = await start();
    for (let round = 0; round < 40; round++) {
      const worker = await makeWorker(db.sql, tenant);
      const park = randomUUID();
      await turn(worker.claims, park);
      const adds = Array.from({ length: 4 }, () => add(db.sql, adder.claims, [{ name: "a" }]));
      const turns = Array.from({ length: 2 }, () => turn(worker.claims, park).catch(() => {}));
      const stop = rpc(db.sql, worker.claims, "stop_agent");
      await Promise.all([...adds, ...turns, stop]);
      const [row] = await db.sql`
        select count(*)::int from mayfly.jobs where tenant_id = ${tenant} and holder = ${worker.id}`;
      expect(row?.count, `round ${round}`).toBe(0);
    }
  });
});
