import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { connectTo, runChaos } from "./chaos.ts";
import { seed } from "./random.ts";
import { type Stack, startStack } from "./stack.ts";

describe.skipIf(!databaseUrl)("a real Postgres 17 that loses connections at random", () => {
  let db: TestDatabase;
  let stack: Stack;
  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    db = await openPostgresDatabase({ durable: true });
    stack = await startStack({
      dbUrl: db.url,
      // A connection that ends during the lead would leave a broadcast without its row, which cannot happen on a
      // project.
      broadcastLeadMs: 0,
      limits: { joinErrorBackoffMs: 20, joinsPerSecond: 10_000, messagesPerSecond: 10_000 },
      faults: { seed, drop: 0.1, closeSocket: 0.05, refuseJoin: 0.1 },
    });
  });
  afterAll(async () => {
    await stack?.close();
    await db?.close();
  });

  /** Ends all connections to this database, in the middle of their work. */
  const endConnections = async () => {
    await db.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.catch(() => {});
  };

  it("loses nothing, repeats nothing, and continues with new connections", async () => {
    await runChaos({
      stack,
      seed,
      blows: 25,
      agents: 4,
      connect: () => connectTo(db.url),
      strikes: [
        { name: "nothing", weight: 1, strike: async () => {} },
        {
          name: "an agent",
          weight: 3,
          strike: ({ load, random }) => load.killOne(random.between(0, 3)),
        },
        { name: "the functions", weight: 2, strike: () => stack.killFunctions() },
        { name: "every connection", weight: 5, strike: endConnections },
        {
          name: "the server",
          weight: 1,
          strike: async () => {
            await stack.kill();
            await stack.start();
          },
        },
      ],
    });
    expect(stack.output()).not.toContain("reading 'write'");
  });
});
