/** The rows in a page of the log, and what a page costs a reader of one kind. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { bytesOf, openReading, type Reading } from "./reading.ts";

let db: Reading["db"];
let read: Reading["read"];
let push: Reading["push"];
let setState: Reading["setState"];
let readerWith: Reading["readerWith"];
let begin: Reading["begin"];
let tenant: string;
beforeAll(async () => {
  ({ db, begin, read, push, setState, readerWith } = await openReading());
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await begin();
});

describe("rows in a page", () => {
  it("are included only if asked for: memories as they are now, states as they were", async () => {
    const reader = await readerWith("memory:read", "state:read");
    const { cursor: since } = await read(reader);
    const [kept, gone] = [putOf({ task: "first" }), putOf()];
    await push([kept, gone]);
    await push([updateOf(kept.memory.id, { task: "second" }), deleteOf(gone.memory.id)]);
    await setState("a", { n: 1 });
    await setState("a", { n: 2 });
    await setState("b", { n: 3 });
    expect((await read(reader, { since })).rows).toEqual({});
    const { events, rows } = await read(reader, {
      since,
      with_rows: { memory: true, state: true },
    });
    expect(rows.memory?.map(({ id, task }) => [id, task])).toEqual([[kept.memory.id, "second"]]);
    expect(
      rows.state?.map(({ key, version, value, action }) => [key, version, value, action]),
    ).toEqual([
      ["a", 1, { n: 1 }, "set"],
      ["a", 2, { n: 2 }, "set"],
      ["b", 1, { n: 3 }, "set"],
    ]);
    expect(
      events.filter(({ type }) => type === "state.changed").map(({ subject }) => subject),
    ).toEqual(rows.state?.map(({ id }) => id));
    const some = await read(reader, { since, with_rows: { state: ["b"] } });
    expect(some.rows).toMatchObject({ state: [{ key: "b" }] });
    expect(some.events.length).toBe(events.length);
  });

  it("hide what the policies hide: another agent's private memory", async () => {
    const reader = await readerWith("memory:read");
    const { cursor: since } = await read(reader);
    await push([putOf({ visibility: "agent" }), putOf({ task: "open" })]);
    const page = await read(reader, { since, with_rows: { memory: true } });
    expect(page.events.length).toBe(1);
    expect(page.rows.memory?.map(({ task }) => task)).toEqual(["open"]);
  });

  it("of both kinds together have about 4 MB a page, and all pages together have each row once", async () => {
    const reader = await readerWith("memory:read", "state:read");
    const { cursor: start } = await read(reader);
    const large = "x".repeat(200_000);
    for (let n = 0; n < 14; n++) {
      await push([putOf({ input: large.slice(0, 100_000), output: large.slice(0, 100_000) })]);
      await setState(`s${n}`, large);
    }
    const subjects: string[] = [];
    const given: string[] = [];
    let pages = 0;
    for (let since = start, more = true; more; pages++) {
      const page = await read(reader, { since, with_rows: { memory: true, state: true } });
      expect(bytesOf(page)).toBeLessThan(4_500_000);
      subjects.push(...page.events.map(({ subject }) => subject));
      const rows = [...(page.rows.memory ?? []), ...(page.rows.state ?? [])].map(({ id }) => id);
      expect([...rows].sort()).toEqual(page.events.map(({ subject }) => subject).sort());
      given.push(...rows);
      ({ more, cursor: since } = page);
    }
    expect(pages).toBeGreaterThan(1);
    expect([subjects.length, new Set(subjects).size, new Set(given).size]).toEqual([28, 28, 28]);
  });

  it("make a page no larger than about 4 MB, even if its events have long field names", async () => {
    const reader = await readerWith("state:read");
    const { cursor: start } = await read(reader);
    const fields = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(200, "x"));
    await db.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject, version, fields)
      select ${tenant}, mayfly_private.current_epoch(), 'state.changed', gen_random_uuid(), 1, ${fields}::text[]
      from generate_series(1, 300)`;
    let seen = 0;
    for (let since = start, more = true; more; ) {
      const page = await read(reader, { since, page_limit: 1000 });
      expect(bytesOf(page)).toBeLessThan(4_200_000);
      seen += page.events.length;
      ({ more, cursor: since } = page);
    }
    expect(seen).toBe(300);
  });
});

describe("a reader of one kind", () => {
  it("pays under 20 KB for three states while a peer pushes 40 memories of 50 KB", async () => {
    const reader = await readerWith("state:read", "memory:read");
    for (const key of ["a", "b", "c"]) await setState(key, { done: 0 });
    let { cursor: since } = await read(reader);
    let bytes = 0;
    let heard = 0;
    for (let n = 0; n < 40; n++) {
      await push([putOf({ input: "y".repeat(50_000) })]);
      if (n === 20) await setState("b", { done: 1 });
      const page = await read(reader, {
        since,
        types: ["state.changed"],
        with_rows: { state: ["a", "b", "c"] },
      });
      bytes += bytesOf(page);
      heard += page.rows.state?.length ?? 0;
      since = page.cursor;
    }
    expect(heard).toBe(1);
    expect(bytes).toBeLessThan(20_000);
  });

  it("looks at no more than 20,000 events for a page, and misses none after them", async () => {
    const reader = await readerWith("state:read");
    const { cursor: start } = await read(reader);
    const subject = randomUUID();
    const append = (type: string, count: number) => db.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject)
      select ${tenant}, mayfly_private.current_epoch(), ${type}, ${subject}
      from generate_series(1, ${count}::int)`;
    await append("memory.created", 19_999);
    await append("state.changed", 1);
    await append("memory.created", 20_500);
    await append("state.changed", 2);
    const counts: number[] = [];
    for (let since = start, more = true; more; ) {
      const page = await read(reader, { since });
      counts.push(page.events.length);
      ({ more, cursor: since } = page);
    }
    expect(counts).toEqual([1, 0, 2]);
  });

  it("reads the log from its primary key, starting at the cursor", async () => {
    await db.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject)
      select ${tenant}, mayfly_private.current_epoch(), 'memory.created', gen_random_uuid()
      from generate_series(1, 5000)`;
    await db.sql.unsafe("analyze mayfly.events");
    const source = await db.sql`
      select prosrc, proconfig from pg_proc where oid = 'mayfly_private.scan_log'::regproc`;
    const query =
      /from \((?:\s+--.*)*\s+(select \* from mayfly\.events w(?:(?!any \(among\))[^;])*?limit scan_limit)\) e/.exec(
        source[0]?.prosrc as string,
      )?.[1];
    const [snapshot] = await db.sql`
      select pg_current_snapshot()::text as target, pg_snapshot_xmax(pg_current_snapshot())::text as xmax`;
    const asked = String(query)
      .replaceAll("after_xid, after_id", "'0'::xid8, 0")
      .replaceAll("before_xid", `'${snapshot?.xmax}'::xid8`)
      .replaceAll("= tenant", `= '${tenant}'`)
      .replaceAll("of_epoch", "1")
      .replaceAll(", target", `, '${snapshot?.target}'::pg_snapshot`)
      .replaceAll("scan_limit", "20000");
    const plan = await db.sql.begin(async (session) => {
      for (const setting of source[0]?.proconfig as string[])
        if (!setting.startsWith("search_path")) await session.unsafe(`set local ${setting}`);
      return session.unsafe(`explain ${asked}`);
    });
    const lines = plan.map((row) => row["QUERY PLAN"] as string).join("\n");
    expect(lines).toContain("Index Scan using events_pkey on events");
    expect(lines).toMatch(/Index Cond: .*ROW\(xid, id\) > ROW/);
    expect(lines).not.toContain("Sort");
  });
});
