/** The connections of the Postgres transport: several are used at once, and those that end are replaced. */
import { Mayfly } from "@mayfly/sdk";
import { PostgresTransport } from "@mayfly/sdk/postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

const max = 2;

describe.skipIf(!databaseUrl)("a transport by Postgres", () => {
  let db: TestDatabase;
  let transport: PostgresTransport;
  let mayfly: Mayfly;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    transport = new PostgresTransport(db.url, { max });
    const tenant = await makeTenant(db.sql);
    mayfly = new Mayfly({ url: "http://127.0.0.1:9", key: "sb_secret_test", tenant, transport });
  });
  afterAll(async () => {
    await mayfly?.close();
    await transport?.close();
    await db?.close();
  });

  const add = () => mayfly.jobs.add("build");
  /** Holds back everything that adds a job, until the returned function is called. */
  const holdBack = async () => {
    const connection = await db.sql.reserve();
    await connection.unsafe("begin; lock table mayfly.jobs in exclusive mode");
    return async () => {
      await connection.unsafe("rollback");
      connection.release();
    };
  };
  const waiting = async () =>
    (
      await db.sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and application_name = 'mayfly' and wait_event_type = 'Lock'`
    ).map(({ pid }) => pid);

  it("refuses calls that still wait for a connection when it is closed", async () => {
    const own = new PostgresTransport(db.url, { max: 1 });
    const tenant = await makeTenant(db.sql);
    const caller = new Mayfly({
      ...{ url: "http://127.0.0.1:9", key: "sb_secret_test" },
      ...{ tenant, transport: own },
    });
    const release = await holdBack();
    let hasEnded = false;
    const held = caller.jobs.add("build").then(() => {
      hasEnded = true;
    });
    await expect.poll(waiting).toHaveLength(1);
    const queued = caller.jobs.list();
    const isClosed = own.close();
    expect((await queued).error).toMatchObject({ code: "unavailable" });
    // The call ended without waiting until the connection was free.
    expect(hasEnded).toBe(false);
    await release();
    await Promise.all([held, isClosed]);
    await caller.close();
  });

  it("answers one call while another is waiting", async () => {
    dataOf(await add());
    const release = await holdBack();
    const held = add();
    await expect.poll(waiting).toHaveLength(1);
    expect(dataOf(await mayfly.jobs.list())).toHaveLength(1);
    await release();
    dataOf(await held);
  });

  it("continues after its connections end, idle or during a call, however often", async () => {
    for (let time = 0; time <= max; time++) {
      const release = await holdBack();
      const lost = add();
      await expect.poll(waiting).toHaveLength(1);
      await db.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'mayfly'`;
      await release();
      // It is not known whether the call was made.
      expect([null, "unavailable"]).toContain((await lost).error?.code ?? null);
      // The client may not have noticed yet that an idle connection has ended.
      await expect.poll(async () => (await mayfly.jobs.list()).error?.code ?? null).toBe(null);
    }
  });
});
