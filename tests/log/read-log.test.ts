/** `mayfly.read_log`: the log by kinds of events, and the rows that they are about where a reader asks for them. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  machineClaims,
  makeAgent,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";

interface Page {
  events: { id: number; type: string; subject: string; version: number | null }[];
  rows: {
    memory?: { id: string; task: string }[];
    state?: { id: string; key: string; version: number; value: unknown; action: string }[];
  };
  cursor: string;
  more: boolean;
}
type Asked = { since?: string; types?: string[]; with_rows?: unknown; page_limit?: number };

let db: TestDatabase;
let tenant: string;
let peer: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  peer = await makeAgent(db.sql, tenant, { lifetime: 600 });
});

const read = (claims: Claims, asked: Asked = {}) =>
  actAs(db.sql, claims, async (session) => {
    const { since = null, types = null, with_rows = {}, page_limit = 500 } = asked;
    const [row] = await session`
      select mayfly.read_log(${since}, ${types}, ${session.json(with_rows as never)}, ${page_limit}) as page`;
    return row?.page as Page;
  });
const push = (operations: unknown[], claims: Claims = peer.claims) =>
  actAs(
    db.sql,
    claims,
    (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
  );
const setState = (key: string, value: unknown) =>
  actAs(
    db.sql,
    peer.claims,
    (session) => session`select mayfly.set_state(${key}, ${session.json(value as never)})`,
  );
const readerWith = async (...scopes: string[]) =>
  (await makeAgent(db.sql, tenant, { scopes, lifetime: 600 })).claims;
const bytesOf = (value: unknown) => JSON.stringify(value).length;

describe("reading the log", () => {
  it("begins with the cursor of this moment, and goes on from there", async () => {
    const reader = await readerWith("memory:read");
    await push([putOf()]);
    const start = await read(reader);
    expect(start).toMatchObject({ events: [], rows: {}, more: false });
    const put = putOf();
    await push([put]);
    const page = await read(reader, { since: start.cursor });
    expect(page.events).toMatchObject([{ type: "memory.created", subject: put.memory.id }]);
    expect(await read(reader, { since: page.cursor })).toMatchObject({ events: [], more: false });
  });

  it("gives the kinds that were asked for, by their names or the beginnings of them", async () => {
    const reader = await readerWith("memory:read", "state:read", "agent:read");
    const { cursor: since } = await read(reader);
    const put = putOf();
    await push([put]);
    await push([updateOf(put.memory.id, { reward: 0.5 })]);
    await setState("a", 1);
    await makeAgent(db.sql, tenant);
    const typesOf = async (types?: string[]) =>
      (await read(reader, { since, ...(types && { types }) })).events.map(({ type }) => type);
    expect(await typesOf()).toEqual([
      "memory.created",
      "memory.updated",
      "state.changed",
      "agent.spawned",
    ]);
    expect(await typesOf(["memory.*"])).toEqual(["memory.created", "memory.updated"]);
    expect(await typesOf(["state.changed", "memory.updated", "state.*"])).toEqual([
      "memory.updated",
      "state.changed",
    ]);
    expect(await typesOf(["agent.s*"])).toEqual(["agent.spawned"]);
  });

  it("has an agent with state:read hear of states, and of nothing else", async () => {
    const reader = await readerWith("state:read");
    const { cursor: since } = await read(reader);
    await push([putOf()]);
    await setState("a", 1);
    await makeAgent(db.sql, tenant);
    expect((await read(reader, { since })).events.map(({ type }) => type)).toEqual([
      "state.changed",
    ]);
    // The older door keeps to it as well.
    const [row] = await actAs(
      db.sql,
      reader,
      (session) => session`select mayfly.sync('[]', ${since}, 100) as page`,
    );
    expect(row?.page).toMatchObject({ events: [{ type: "state.changed" }], memories: [] });
    const [bare] = await actAs(
      db.sql,
      reader,
      (session) => session`select mayfly.sync('[]', null, 100) as page`,
    );
    expect(bare?.page).toMatchObject({ events: [], memories: [], more: false });
  });

  it("refuses what would wait for ever: kinds that are none, and those beyond the caller's scopes", async () => {
    const reader = await readerWith("state:read");
    expect(
      await refusalOf(read(reader, { types: ["state.changed", "state.chnged"] })),
    ).toMatchObject({
      code: "invalid_request",
      details: { field: "types", index: 1 },
    });
    expect(await refusalOf(read(reader, { types: ["memory.*"] }))).toMatchObject({
      code: "scope_missing",
      details: { scope: "memory:read", field: "types", index: 0 },
    });
    expect(await refusalOf(read(reader, { types: [] }))).toMatchObject({
      code: "invalid_request",
      details: { field: "types" },
    });
    expect(await refusalOf(read(await readerWith("memory:write")))).toMatchObject({
      code: "scope_missing",
    });
    for (const page_limit of [0, 1001])
      expect(await refusalOf(read(reader, { page_limit }))).toMatchObject({
        code: "invalid_request",
        details: { field: "page_limit" },
      });
  });

  it("refuses rows that do not travel, and rows beyond the caller's scopes", async () => {
    const reader = await readerWith("state:read");
    const { cursor: since } = await read(reader);
    for (const with_rows of [[], { agent: true }, "memory", { state: true, x: 1 }])
      expect(await refusalOf(read(reader, { since, with_rows }))).toMatchObject({
        code: "invalid_request",
        details: { field: "with_rows" },
      });
    for (const state of [[], [1], "a", {}, Array(101).fill("a")])
      expect(await refusalOf(read(reader, { since, with_rows: { state } }))).toMatchObject({
        code: "invalid_request",
        details: { field: "with_rows.state" },
      });
    expect(await refusalOf(read(reader, { since, with_rows: { memory: true } }))).toMatchObject({
      code: "scope_missing",
      details: { scope: "memory:read" },
    });
  });

  it("refuses cursors that are none, of a first sync, and of another life of the database", async () => {
    const reader = await readerWith("memory:read");
    await push([putOf(), putOf()]);
    const [row] = await actAs(
      db.sql,
      reader,
      (session) => session`select mayfly.sync('[]', null, 1)->>'cursor' as cursor`,
    );
    for (const since of ["", "x", "bm9wZQ==", row?.cursor as string])
      expect(await refusalOf(read(reader, { since })), since).toMatchObject({
        code: "cursor_invalid",
        details: { field: "since" },
      });
    const { cursor } = await read(reader);
    const state = JSON.parse(atob(cursor)) as { e: number };
    const other = btoa(JSON.stringify({ ...state, e: state.e + 1 }));
    expect(await refusalOf(read(reader, { since: other }))).toMatchObject({
      code: "cursor_expired",
    });
  });

  it("belongs to tenants: a stranger and a machine read nothing of it, the secret key what it names", async () => {
    const { cursor: since } = await read(await readerWith("memory:read"));
    await push([putOf()]);
    const other = await makeTenant(db.sql);
    const stranger = await makeAgent(db.sql, other);
    expect((await read(stranger.claims, { since })).events.map(({ type }) => type)).toEqual([
      "agent.spawned",
    ]);
    const key = await rpc<{ key: string }>(
      db.sql,
      serviceRole,
      "create_enrolment_key",
      { name: "k" },
      inTenant(tenant),
    );
    expect(await refusalOf(read(machineClaims(key.key), { since }))).toMatchObject({
      code: "scope_missing",
    });
    expect(await refusalOf(read(serviceRole, { since }))).toMatchObject({ code: "tenant_unknown" });
  });
});

describe("rows", () => {
  it("travel only where they are asked for: memories as they are now, states as they were", async () => {
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

  it("of both kinds together have about 4 MB a page, and all pages have each once", async () => {
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

  it("or not, a page has about 4 MB of events, however long the names of their fields are", async () => {
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
  it("beside a peer that pushes 40 memories of 50 KB pays for three states: under 20 KB", async () => {
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

  it("looks at 20,000 events at most for a page, and misses none of its kind behind them", async () => {
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

  it("reads the log off its primary key, from the cursor on", async () => {
    await db.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject)
      select ${tenant}, mayfly_private.current_epoch(), 'memory.created', gen_random_uuid()
      from generate_series(1, 5000)`;
    await db.sql.unsafe("analyze mayfly.events");
    const source = await db.sql`
      select prosrc, proconfig from pg_proc where oid = 'mayfly_private.scan_log'::regproc`;
    const query = /from \(\n\s+(-- One lower bound[\s\S]*?limit scan_limit)\) e/.exec(
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
