import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant, type Session } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { putOf } from "#harness/operations";

const writers = 16;
const transactions = 10;
const readers = 4;

interface Page {
  events: { subject: string; type: string }[];
  cursor: string;
  more: boolean;
}

describe.skipIf(!databaseUrl)("the log, on a real Postgres 17,", () => {
  let db: TestDatabase;
  let sql: postgres.Sql;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    sql = postgres(db.url, { max: writers + readers + 1, onnotice: () => {} });
  });
  afterAll(async () => {
    await sql?.end();
    await db?.close();
  });

  const pull = (claims: Claims, since: string | null, limit: number) =>
    actAs(sql, claims, async (session) => {
      const [row] = await session`select mayfly.sync('[]', ${since}, ${limit}) as answer`;
      return row?.answer as Page;
    });

  const readLog = (claims: Claims, since: string | null, limit: number) =>
    actAs(sql, claims, async (session) => {
      const [row] =
        await session`select mayfly.read_log(${since}, '{memory.created}', '{}', ${limit}) as answer`;
      return row?.answer as Page;
    });

  it("gives readers every event once, in each writer's order, with 16 writers, savepoints, aborts, held and idle transactions", async () => {
    const tenant = await makeTenant(db.sql);
    const agents = await Promise.all(
      Array.from({ length: writers }, () => makeAgent(db.sql, tenant, { lifetime: 600 })),
    );
    const reader = await makeAgent(db.sql, tenant, { lifetime: 600 });
    const { cursor: start } = await pull(reader.claims, null, 1000);

    // This transaction has an xid, and stays open until every reader has everything.
    const idler = await sql.reserve();
    await idler`begin`;
    await idler`select pg_current_xact_id()`;

    /** For each writer, its commits in the order in which it made them. */
    const written: string[][] = agents.map(() => []);
    const push = async (session: Session, keep: string[]) => {
      const puts = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => putOf());
      await session`select mayfly.sync(${session.json(puts)}, null, 0)`;
      // Within one push, the order is that of the ids.
      keep.push(...puts.map((put) => put.memory.id).sort());
    };
    const write = async (lane: number, n: number) => {
      const kept: string[] = [];
      const aborts = Math.random() < 0.2;
      await actAs(sql, agents[lane]?.claims ?? {}, async (session) => {
        await push(session, kept);
        if (n % 3 === 0) await session`select pg_sleep(${Math.random() * 0.03})`;
        if (n % 2 === 0) {
          const releases = Math.random() < 0.5;
          await session
            .savepoint(async (inner) => {
              const inSavepoint: string[] = [];
              await push(inner as unknown as Session, inSavepoint);
              if (!releases) throw new Error("rolled back");
              kept.push(...inSavepoint);
            })
            .catch((error: Error) => {
              if (error.message !== "rolled back") throw error;
            });
          await push(session, kept);
        }
        if (aborts) throw new Error("aborted");
      }).catch((error: Error) => {
        if (error.message !== "aborted") throw error;
      });
      if (!aborts) written[lane]?.push(...kept);
    };

    let writing = true;
    const seen: string[][] = Array.from({ length: readers }, () => []);
    let readWhileWriting = 0;
    const tail = async (n: number) => {
      let cursor = start;
      for (let last = false; ; ) {
        // Half of the readers read the log by kind, with the same cursors.
        const read = n % 2 ? readLog : pull;
        const page = await read(reader.claims, cursor, 1 + Math.floor(Math.random() * 40));
        cursor = page.cursor;
        const subjects = page.events.filter((event) => event.type === "memory.created");
        seen[n]?.push(...subjects.map((event) => event.subject));
        if (writing) readWhileWriting += subjects.length;
        else if (!page.more && last) return;
        // One more round after the last commit.
        else if (!page.more) last = true;
      }
    };
    const tails = Promise.all(seen.map((_, n) => tail(n)));
    await Promise.all(
      agents.map(async (_, lane) => {
        for (let n = 0; n < transactions; n++) await write(lane, n);
      }),
    );
    writing = false;
    await tails;
    await idler`rollback`;
    idler.release();

    const all = written.flat();
    expect(all.length).toBeGreaterThan(writers * 5);
    expect(readWhileWriting, "readers waited for the idle transaction").toBeGreaterThan(0);
    for (const one of seen) {
      expect(one.length).toBe(new Set(one).size);
      expect([...one].sort()).toEqual([...all].sort());
      const place = new Map(one.map((subject, n) => [subject, n]));
      for (const lane of written) {
        const places = lane.map((subject) => place.get(subject) ?? -1);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }
    }
  });

  it("merges concurrent updates of one memory, each field by its newest clock", async () => {
    const tenant = await makeTenant(db.sql);
    const agents = await Promise.all(
      Array.from({ length: 8 }, () => makeAgent(db.sql, tenant, { lifetime: 600 })),
    );
    const put = putOf();
    const sync = (claims: Claims, push: unknown[]) =>
      actAs(
        sql,
        claims,
        (session) => session`select mayfly.sync(${session.json(push as never)}, null, 0)`,
      );
    await sync(agents[0]?.claims ?? {}, [put]);
    const now = Date.now();
    const updates = Array.from({ length: 64 }, (_, n) => ({
      id: crypto.randomUUID(),
      type: "memory.update",
      memory: {
        id: put.memory.id,
        set: n % 2 ? { critique: `${n}` } : { output: `${n}` },
        hlc: `${now - ((n * 37) % 64) * 100}-0000-${n}`,
      },
    }));
    await Promise.all(
      updates.map((update, n) => sync(agents[n % agents.length]?.claims ?? {}, [update])),
    );
    const newest = (field: "critique" | "output") =>
      updates
        .filter((update) => field in update.memory.set)
        .sort((a, b) => (a.memory.hlc < b.memory.hlc ? 1 : -1))[0]?.memory.set[field];
    const [row] =
      await db.sql`select critique, output from mayfly.memories where id = ${put.memory.id}`;
    expect(row).toEqual({ critique: newest("critique"), output: newest("output") });
  });

  it("keeps no event and no operation of a tenant that is erased while it is written to", async () => {
    const tenant = await makeTenant(db.sql);
    const agents = await Promise.all(
      Array.from({ length: 8 }, () => makeAgent(db.sql, tenant, { lifetime: 600 })),
    );
    const put = putOf();
    const push = (claims: Claims, operations: unknown[]) =>
      actAs(
        sql,
        claims,
        (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
      );
    await push(agents[0]?.claims ?? {}, [put]);
    let pushed = 0;
    let erasing = Promise.resolve();
    const write = async ({ claims }: { claims: Claims }, n: number) => {
      // Writes until it is refused, because the agent was erased with the tenant once no writer held the tenant.
      for (let turn = 0; turn < 20; turn++) {
        const unknown = { ...put, id: crypto.randomUUID() };
        const memory = { id: n % 4 ? put.memory.id : crypto.randomUUID(), set: { reward: n / 10 } };
        const update = { ...unknown, type: "memory.update", memory };
        const refused = await push(claims, [n % 2 ? update : putOf()]).then(
          () => false,
          () => true,
        );
        if (refused) return;
        pushed += 1;
        if (pushed === 40)
          erasing = db.sql`delete from mayfly.tenants where id = ${tenant}`.then(() => {});
      }
    };
    await Promise.all(agents.map(write));
    await erasing;
    const [left] = await db.sql`
      select (select count(*)::int from mayfly.events where tenant_id = ${tenant}) as events,
        (select count(*)::int from mayfly_private.ops where tenant_id = ${tenant}) as ops,
        (select count(*)::int from mayfly.memories where tenant_id = ${tenant}) as memories`;
    expect(left).toEqual({ events: 0, ops: 0, memories: 0 });
    expect(pushed).toBeGreaterThanOrEqual(40);
  });
});
