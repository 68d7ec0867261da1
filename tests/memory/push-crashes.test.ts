import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { putOf, updateOf } from "#harness/operations";

/**
 * Pushes without the Data API. postgres.js 3.4 has a fault: if the server ends a session in the middle of a
 * transaction, postgres.js writes the rollback to a closed socket, and throws where nobody can catch the error.
 */
describe.skipIf(!databaseUrl)("the database, on a real Postgres 17,", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("applies nothing of an interrupted push, and all of it once when it is repeated", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant);
    const puts = Array.from({ length: 50 }, (_, n) => putOf({ task: `memory ${n}` }));
    const sync = (push: unknown[]) =>
      actAs(db.sql, claims, async (session) => {
        await session`select mayfly.sync(${session.json(push as never)}, null, 0)`;
      });
    await sync(puts.slice(0, 10));
    const first = puts[0]?.memory.id ?? "";
    const push = [updateOf(first, { reward: 1 }), ...puts.slice(1)];

    const lock = await db.sql.reserve();
    await lock`begin`;
    // The push waits for this lock when it has claimed its operations and stored its new memories.
    await lock`select from mayfly.memories where tenant_id = ${tenant} and id = ${first} for update`;
    const doomed = postgres(db.url, { max: 1, onnotice: () => {} });
    const pushing = doomed
      .unsafe(
        `begin;
         select set_config('request.jwt.claims', ${quoted(JSON.stringify(claims))}, true);
         set local role authenticated;
         select mayfly.sync(${quoted(JSON.stringify(push))}::jsonb, null, 0);
         commit`,
      )
      .catch((error: Error & { code?: string }) => error.code);
    for (let ended = 0; ended === 0; ) {
      const sessions = await db.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      ended = sessions.length;
    }
    expect(["57P01", "CONNECTION_CLOSED"]).toContain(await pushing);
    await lock`rollback`;
    lock.release();
    await doomed.end({ timeout: 0 });
    const counts = async () => {
      const [row] = await db.sql`
        select count(*)::int as memories, max(version) as version,
          (select count(*)::int from mayfly.events e where e.tenant_id = ${tenant} and e.type like 'memory.%') as events
        from mayfly.memories where tenant_id = ${tenant}`;
      return row;
    };
    expect(await counts()).toEqual({ memories: 10, version: 1, events: 10 });

    await Promise.all([sync(push), sync(push), sync(push)]);
    expect(await counts()).toEqual({ memories: 50, version: 2, events: 51 });
  });
});

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
