/** `mayfly.read_log`: the log by kinds of events. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  inTenant,
  machineClaims,
  makeAgent,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { putOf, updateOf } from "#harness/operations";
import { openReading, type Reading } from "./reading.ts";

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

describe("reading the log", () => {
  it("starts with the cursor of this moment, and continues from there", async () => {
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

  it("returns the requested kinds, by name or prefix", async () => {
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

  it("shows states, and nothing else, to an agent with state:read", async () => {
    const reader = await readerWith("state:read");
    const { cursor: since } = await read(reader);
    await push([putOf()]);
    await setState("a", 1);
    await makeAgent(db.sql, tenant);
    expect((await read(reader, { since })).events.map(({ type }) => type)).toEqual([
      "state.changed",
    ]);
    // The older function behaves the same.
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

  it("refuses unknown kinds, and kinds outside the caller's scopes", async () => {
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

  it("refuses rows that cannot be sent, and rows outside the caller's scopes", async () => {
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

  it("refuses invalid cursors, those of a first sync, and those from before a restore", async () => {
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

  it("is limited to a tenant: a stranger and a machine read nothing, the secret key only its named tenant", async () => {
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
