import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makeTenant,
  refusalOf,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf } from "#harness/operations";

interface Answer {
  results: { id: string; status: string; memory: string }[];
  events: { type: string; subject: string; id: number }[];
  memories: { id: string; task: string }[];
  cursor: string;
  more: boolean;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant);
});
afterAll(() => db.close());

const sync = (
  push: unknown,
  since: string | null = null,
  limit = 500,
  claims: Claims = agent.claims,
) =>
  actAs(db.sql, claims, async (session) => {
    const [row] =
      await session`select mayfly.sync(${session.json(push as never)}, ${since}, ${limit}) as answer`;
    return row?.answer as Answer;
  });
const tasksOf = async (ids: string[]) => {
  const rows =
    await db.sql`select task from mayfly.memories where tenant_id = ${tenant} and id = any (${ids}) order by id`;
  return rows.map((row) => row.task as string);
};

describe("pushing", () => {
  it("returns the first result for the same push, however often it is sent, and changes nothing more", async () => {
    const push = [putOf({ task: "once" }), putOf({ task: "only" })];
    const first = await sync(push, null, 0);
    const [second, third] = await Promise.all([sync(push, null, 0), sync(push, null, 0)]);
    expect(first.results.map((result) => result.status)).toEqual(["applied", "applied"]);
    expect(second?.results).toEqual(first.results);
    expect(third?.results).toEqual(first.results);
    const [row] = await db.sql`
      select count(*)::int as memories, max(version) as version from mayfly.memories
      where id = any (${push.map((op) => op.memory.id)})`;
    expect(row).toEqual({ memories: 2, version: 1 });
  });

  it("records which caller pushed a memory, and which agent learned it", async () => {
    const other = await makeAgent(db.sql, tenant);
    const put = putOf({ agent_id: other.id });
    const own = putOf();
    await sync([put, own], null, 0);
    const rows = await db.sql`
      select agent_id, pushed_by from mayfly.memories where id in (${put.memory.id}, ${own.memory.id}) order by agent_id = ${agent.id}`;
    expect([...rows]).toEqual([
      { agent_id: other.id, pushed_by: agent.id },
      { agent_id: agent.id, pushed_by: agent.id },
    ]);
  });

  it("erases the content of a forgotten memory, and leaves a tombstone", async () => {
    const put = {
      ...putOf({ task: "to forget", tags: ["a"] }),
      embedding: Array(384).fill(0.1),
      model: "m",
    };
    await sync([put], null, 0);
    await sync([deleteOf(put.memory.id)], null, 0);
    const [row] = await db.sql`
      select m.task, m.tags, m.deleted_at is not null as deleted,
        (select count(*)::int from mayfly.memory_vectors v where v.memory_id = m.id) as vectors
      from mayfly.memories m where m.id = ${put.memory.id}`;
    expect(row).toEqual({ task: "", tags: [], deleted: true, vectors: 0 });
  });

  const long = "x".repeat(2001);
  it.each([
    ["a text as an operation", "nonsense", "id"],
    ["an operation without an id", { ...putOf(), id: undefined }, "id"],
    ["an unknown type", { ...putOf(), type: "memory.explode" }, "type"],
    ["a memory without an id", putOf({ id: "7" }), "memory.id"],
    ["a memory without text", putOf({ task: "" }), "memory"],
    ["a task that is too long", putOf({ task: long }), "memory.task"],
    ["a task that is a number", putOf({ task: 7, input: "x" }), "memory.task"],
    ["a reward over 1", putOf({ reward: 1.5 }), "memory.reward"],
    ["a reward that is a text", putOf({ reward: "good" }), "memory.reward"],
    ["an importance that is a fraction", putOf({ importance: 2.5 }), "memory.importance"],
    ["an unknown kind", putOf({ kind: "dream" }), "memory.kind"],
    ["tags that are a text", putOf({ tags: "a" }), "memory.tags"],
    ["an empty tag", putOf({ tags: [""] }), "memory.tags"],
    ["metadata that are a list", putOf({ metadata: [] }), "memory.metadata"],
    ["a date that is a word", putOf({ expires_at: "tomorrow" }), "memory.expires_at"],
    ["an impossible date", putOf({ expires_at: "2026-02-31T00:00:00Z" }), "memory.expires_at"],
    ["an unknown visibility", putOf({ visibility: "world" }), "memory.visibility"],
    ["a vector of the wrong length", { ...putOf(), embedding: [1, 2], model: "m" }, "embedding"],
    [
      "a vector with a text in it",
      { ...putOf(), embedding: [...Array(383).fill(0), "x"], model: "m" },
      "embedding",
    ],
    [
      "a vector out of range",
      { ...putOf(), embedding: [...Array(383).fill(0), 1e30], model: "m" },
      "embedding",
    ],
    [
      "a vector that is a text",
      { ...putOf(), embedding: JSON.stringify(Array(384).fill(0)), model: "m" },
      "embedding",
    ],
    [
      "a vector with a number that only looks like 0",
      { ...putOf(), embedding: [...Array(383).fill(1), -1e-31], model: "m" },
      "embedding",
    ],
    ["a vector of zeros", { ...putOf(), embedding: Array(384).fill(0), model: "m" }, "embedding"],
    [
      "a vector that is rounded to zeros in half precision",
      { ...putOf(), embedding: Array(384).fill(1e-9), model: "m" },
      "embedding",
    ],
    ["a list among tags", putOf({ tags: [["a"]] }), "memory.tags"],
    ["a long tag", putOf({ tags: ["x".repeat(101)] }), "memory.tags"],
    ["too many tags", putOf({ tags: Array(51).fill("a") }), "memory.tags"],
    [
      "metadata that is too deep",
      putOf({ metadata: JSON.parse(`${'{"a":'.repeat(33)}1${"}".repeat(33)}`) }),
      "memory.metadata",
    ],
    ["an id with braces", putOf({}, "{00000000-0000-4000-8000-00000000000}"), "id"],
    ["a vector without a model", { ...putOf(), embedding: Array(384).fill(1) }, "model"],
  ])("refuses %s by index and field, and applies nothing", async (_what, op, field) => {
    const good = putOf();
    const refusal = await refusalOf(sync([good, op], null, 0));
    expect(refusal).toMatchObject({ code: "invalid_operation", details: { index: 1, field } });
    expect(await tasksOf([good.memory.id])).toEqual([]);
  });

  it.each([
    ["a tag that is too long", { tags: ["x".repeat(101)] }, "memories_tags_length"],
    ["an empty tag", { tags: ["a", ""] }, "memories_tags_length"],
    ["null as a tag", { tags: ["a", null] }, "memories_tags_length"],
    ["an infinite time", { created_at: "infinity" }, "memories_created_at_finite"],
    ["an infinite expiry", { expires_at: "infinity" }, "memories_expires_at_finite"],
    ["a memory without text", { task: "" }, "memories_text_present"],
    [
      "metadata that is too deep",
      { metadata: JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) },
      "memories_metadata_depth",
    ],
  ])(
    "keeps %s out even if the owner inserts it without sync",
    async (_what, fields, constraint) => {
      const row = { task: "past", tags: [], metadata: {}, created_at: new Date(), ...fields };
      const inserted = db.sql`
      insert into mayfly.memories (tenant_id, id, pushed_by, task, tags, metadata, created_at, expires_at)
      select ${tenant}, ${randomUUID()}, ${agent.id}, r.task, r.tags, r.metadata, r.created_at, r.expires_at
      from jsonb_to_record(${db.sql.json(row as never)}) as r
        (task text, tags text[], metadata jsonb, created_at timestamptz, expires_at timestamptz)`;
      await expect(inserted).rejects.toMatchObject({ code: "23514", constraint_name: constraint });
    },
  );

  it("accepts values at the limits", async () => {
    const ops = [
      { ...putOf(), embedding: Array(384).fill(1000), model: "m" },
      { ...putOf(), embedding: [...Array(382).fill(0), 1, 1e-30], model: "m" },
      putOf({ tags: Array.from({ length: 50 }, (_, n) => `${n}`.padEnd(100, "x")) }),
      putOf({ metadata: JSON.parse(`${'{"a":'.repeat(31)}1${"}".repeat(31)}`) }),
      putOf({ metadata: { long: "x".repeat(60_000) } }),
      putOf({ task: "é".repeat(2000), importance: 10.0, tokens: 2 ** 31 - 1, reward: 1 }),
      putOf({ id: randomUUID().toUpperCase() }, randomUUID().toUpperCase()),
      putOf({ task: null, output: "x", kind: null, tags: null, metadata: null, visibility: null }),
    ];
    const { results } = await sync(ops, null, 0);
    expect(results.map((result) => result.status)).toEqual(ops.map(() => "applied"));
  });

  it("returns gone if there was no memory to forget", async () => {
    const other = await makeAgent(db.sql, tenant);
    const [put, secret] = [putOf(), putOf({ visibility: "agent" })];
    await sync([put], null, 0);
    await sync([secret], null, 0, other.claims);
    const first = await sync([deleteOf(put.memory.id)], null, 0);
    expect(first.results.map((result) => result.status)).toEqual(["applied"]);
    const ops = [put, secret, putOf()].map(({ memory }) => deleteOf(memory.id));
    const { results } = await sync(ops, null, 0);
    expect(results.map((result) => result.status)).toEqual(["gone", "gone", "gone"]);
    expect((await sync(ops, null, 0)).results).toEqual(results);
    expect(await tasksOf([secret.memory.id])).toEqual(["a task"]);
  });

  it("refuses the same memory twice in a push, a memory that exists, and an unknown agent", async () => {
    const put = putOf();
    expect(await refusalOf(sync([put, putOf({ id: put.memory.id })], null, 0))).toMatchObject({
      code: "invalid_operation",
      details: { index: 1, field: "memory.id" },
    });
    await sync([put], null, 0);
    expect((await refusalOf(sync([putOf({ id: put.memory.id })], null, 0))).code).toBe(
      "memory_exists",
    );
    expect((await refusalOf(sync([putOf({ agent_id: randomUUID() })], null, 0))).code).toBe(
      "agent_unknown",
    );
  });

  it("is refused without memory:write", async () => {
    const reader = await makeAgent(db.sql, tenant, { scopes: ["memory:read"] });
    expect((await refusalOf(sync([putOf()], null, 0, reader.claims))).code).toBe("scope_missing");
  });
});

describe("pulling", () => {
  it("gives a newcomer everything, page by page, and then each event once", async () => {
    const own = await makeTenant(db.sql);
    const writer = await makeAgent(db.sql, own);
    const reader = await makeAgent(db.sql, own, { scopes: ["memory:read"] });
    const early = Array.from({ length: 5 }, (_, n) => putOf({ task: `early ${n}` }));
    await sync(early, null, 0, writer.claims);

    const seen: string[] = [];
    let answer = await sync([], null, 2, reader.claims);
    seen.push(...answer.memories.map((memory) => memory.task));
    while (answer.more) {
      answer = await sync([], answer.cursor, 2, reader.claims);
      seen.push(...answer.memories.map((memory) => memory.task));
    }
    expect(seen.sort()).toEqual(["early 0", "early 1", "early 2", "early 3", "early 4"]);

    const late = Array.from({ length: 3 }, (_, n) => putOf({ task: `late ${n}` }));
    await sync(late, null, 0, writer.claims);
    await sync([deleteOf(early[0]?.memory.id ?? "")], null, 0, writer.claims);
    const types: string[] = [];
    do {
      answer = await sync([], answer.cursor, 2, reader.claims);
      types.push(...answer.events.map((event) => event.type));
    } while (answer.more);
    expect(types).toEqual(["memory.created", "memory.created", "memory.created", "memory.deleted"]);
    expect((await sync([], answer.cursor, 2, reader.claims)).events).toEqual([]);
  });

  it("shows a private memory and its events only to its agent", async () => {
    const own = await makeTenant(db.sql);
    const keeper = await makeAgent(db.sql, own);
    const other = await makeAgent(db.sql, own);
    const { cursor } = await sync([], null, 100, other.claims);
    const { cursor: keepers } = await sync([], null, 100, keeper.claims);
    const put = putOf({ task: "private", visibility: "agent" });
    await sync([put], null, 0, keeper.claims);
    expect(await sync([], cursor, 100, other.claims)).toMatchObject({ events: [], memories: [] });
    const { events, memories } = await sync([], keepers, 100, keeper.claims);
    expect(events.map((event) => event.type)).toEqual(["memory.created"]);
    expect(memories.map((memory) => memory.task)).toEqual(["private"]);
  });

  it.each([["rubbish"], ["e30="], [Buffer.from('{"e":"x","s":"1:1:"}').toString("base64")]])(
    "refuses the cursor %s",
    async (cursor) => {
      expect((await refusalOf(sync([], cursor))).code).toBe("cursor_invalid");
    },
  );

  it("refuses a cursor from before the database was restored", async () => {
    const { cursor } = await sync([]);
    const state = JSON.parse(Buffer.from(cursor, "base64").toString()) as { e: number };
    const old = Buffer.from(JSON.stringify({ ...state, e: state.e + 1 })).toString("base64");
    expect((await refusalOf(sync([], old))).code).toBe("cursor_expired");
  });
});
