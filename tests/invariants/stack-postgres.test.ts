import { randomUUID } from "node:crypto";
import { type Local, startLocal } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant, refusalOf } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { silent } from "#harness/log";
import { databaseUrl } from "#harness/needs";
import { putOf } from "#harness/operations";

describe.skipIf(!databaseUrl)("on a real Postgres 17", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("exactly as many of 50 parallel spawns succeed as the quota allows", async () => {
    const tenant = await makeTenant(db.sql, { max_living_agents: 10 });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () =>
        makeAgent(db.sql, tenant).then(
          () => "spawned",
          async (error: Error) => (await refusalOf(Promise.reject(error))).code,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "spawned")).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === "agent_quota_exceeded")).toHaveLength(40);
  });

  it("overlapping concurrent pushes apply each operation once, in any order", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const operations = Array.from({ length: 40 }, (_, n) => putOf({ task: `op ${n}` }));
    const pushes = Array.from({ length: 20 }, (_, n) => {
      const shifted = [...operations.slice(n), ...operations.slice(0, n)].slice(0, 25);
      return n % 2 ? shifted.reverse() : shifted;
    });
    const answers = await Promise.all(
      pushes.map((push) =>
        actAs(db.sql, agent.claims, async (session) => {
          const [row] = await session`select mayfly.sync(${session.json(push)}, null, 0) as answer`;
          return (row?.answer as { results: { status: string }[] }).results.length;
        }),
      ),
    );
    expect(answers).toEqual(pushes.map((push) => push.length));
    const [row] = await db.sql`
      select count(*)::int as memories, count(distinct task)::int as tasks, max(version) as version
      from mayfly.memories where tenant_id = ${tenant}`;
    expect(row).toEqual({ memories: 40, tasks: 40, version: 1 });
  });

  it("a reader gets every event once, although writers abort, hold locks and idle", async () => {
    const tenant = await makeTenant(db.sql);
    const writer = await makeAgent(db.sql, tenant);
    const reader = await makeAgent(db.sql, tenant);
    const pull = (since: string | null) =>
      actAs(db.sql, reader.claims, async (session) => {
        const [row] = await session`select mayfly.sync('[]', ${since}, 7) as answer`;
        return row?.answer as {
          events: { subject: string; type: string }[];
          cursor: string;
          more: boolean;
        };
      });
    let { cursor } = await pull(null);
    const seen: string[] = [];
    const read = async () => {
      for (let more = true; more; ) {
        const page = await pull(cursor);
        cursor = page.cursor;
        more = page.more;
        seen.push(...page.events.filter((e) => e.type === "memory.created").map((e) => e.subject));
      }
    };

    const written: string[] = [];
    const idler = await db.sql.reserve();
    await idler`begin`;
    await idler`select pg_current_xact_id()`;
    const write = async (n: number) => {
      const put = putOf({ task: `event ${n}` });
      const aborts = n % 5 === 0;
      await actAs(db.sql, writer.claims, async (session) => {
        await session`select mayfly.sync(${session.json([put])}, null, 0)`;
        if (n % 3 === 0) await session`select pg_sleep(${Math.random() * 0.02})`;
        if (aborts) throw new Error("aborted");
      }).catch((error: Error) => {
        if (error.message !== "aborted") throw error;
      });
      if (!aborts) written.push(put.memory.id);
    };
    let writing = true;
    const reading = (async () => {
      while (writing) await read();
    })();
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let n = 0; n < 30; n++) await write(lane * 30 + n);
      }),
    );
    writing = false;
    await reading;
    await read();
    expect(seen.length).toBe(new Set(seen).size);
    expect([...seen].sort()).toEqual([...written].sort());
    await idler`rollback`;
    idler.release();
  });

  it("the whole embedded Supabase works", async () => {
    const name = `mayfly_stack_${randomUUID().replaceAll("-", "")}`;
    const admin = postgres(databaseUrl ?? "", { max: 1, onnotice: () => {} });
    await admin.unsafe(`create database ${name}`);
    const url = new URL(databaseUrl ?? "");
    url.pathname = `/${name}`;
    let local: Local | undefined;
    try {
      local = await startLocal({ dbUrl: url.href, port: 0, log: silent });
      const project = { url: local.apiUrl, key: local.secretKey };
      const { data: tenant } = await new Mayfly(project).tenants.create({ name: "on Postgres" });
      const mayfly = new Mayfly({ ...project, tenant: tenant?.id ?? "" });
      const { data: agent } = await mayfly.spawn({ name: "real" });
      await agent?.remember({ task: "Kept in a real Postgres" });
      expect((await agent?.sync())?.data?.pushed).toBe(1);
      expect((await agent?.recall("kept"))?.data?.results).toHaveLength(1);
      expect((await agent?.presence.track({ status: "here" }))?.error).toBeNull();
      await agent?.stop();
    } finally {
      await local?.close();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    }
  });
});
