/** `mayfly.push`: operations { id, type, subject, body }, each handed to its room, and their older form. */
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
import { putOf, updateOf } from "#harness/operations";

type Operation = { id: string; type: string; subject: string; body?: Record<string, unknown> };
type OpResult = { id: string; status: string; subject?: string; memory?: string; version?: number };

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
});
afterAll(() => db.close());

const push = (operations: unknown, claims: Claims = agent.claims) =>
  actAs(db.sql, claims, async (session) => {
    const [row] =
      await session`select mayfly.push(${session.json(operations as never)}) as results`;
    return row?.results as OpResult[];
  });
const sync = (operations: unknown, claims: Claims = agent.claims) =>
  actAs(db.sql, claims, async (session) => {
    const [row] =
      await session`select mayfly.sync(${session.json(operations as never)}, null, 0) as answer`;
    return (row?.answer as { results: OpResult[] }).results;
  });
const put = (body: Record<string, unknown> = {}, more: Partial<Operation> = {}): Operation => ({
  id: randomUUID(),
  type: "memory.put",
  subject: randomUUID(),
  body: { task: "a task", ...body },
  ...more,
});
const read = async (id: string) => {
  const [row] =
    await db.sql`select * from mayfly.memories where tenant_id = ${tenant} and id = ${id}`;
  return row ?? {};
};
const countOf = async () => {
  const [row] = await db.sql`
    select (select count(*)::int from mayfly.memories where tenant_id = ${tenant}) as memories,
      (select count(*)::int from mayfly_private.ops where tenant_id = ${tenant}) as ops`;
  return row;
};

describe("an operation", () => {
  it("puts, updates and forgets its subject, and names it in the result", async () => {
    const embedding = Array(384).fill(0.1);
    const first = put({ reward: 0.5, tags: ["a"], embedding, model: "m" });
    expect(await push([first])).toEqual([
      { id: first.id, status: "applied", subject: first.subject },
    ]);
    expect(await read(first.subject)).toMatchObject({
      task: "a task",
      reward: 0.5,
      tags: ["a"],
      agent_id: agent.id,
    });
    const [vector] = await db.sql`
      select model from mayfly.memory_vectors where tenant_id = ${tenant} and memory_id = ${first.subject}`;
    expect(vector).toEqual({ model: "m" });

    const update = put({}, { type: "memory.update", subject: first.subject });
    update.body = { set: { reward: 0.9 } };
    expect(await push([update])).toMatchObject([
      { id: update.id, status: "applied", subject: first.subject, version: 2 },
    ]);
    const { body: _, ...forget } = put({}, { type: "memory.delete", subject: first.subject });
    expect(await push([forget])).toEqual([
      { id: forget.id, status: "applied", subject: first.subject },
    ]);
    expect((await read(first.subject)).deleted_at).not.toBeNull();
    const again = { ...forget, id: randomUUID() };
    expect(await push([again])).toMatchObject([{ status: "gone", subject: first.subject }]);
  });

  it("is applied once, and its result keeps the form of the first push", async () => {
    const [newer, older] = [put(), putOf({ task: "older" })];
    const given = await push([newer]);
    expect(await push([newer])).toEqual(given);
    const old = await sync([older]);
    expect(old).toEqual([{ id: older.id, status: "applied", memory: older.memory.id }]);

    // An upgraded SDK converts what waits in its outbox.
    const { id, type, memory } = older;
    const converted = { id, type, subject: memory.id, body: { task: memory.task } };
    expect(await push([converted])).toEqual(old);
    const reverted = { ...putOf({ id: newer.subject, task: "a task" }), id: newer.id };
    expect(await sync([reverted])).toEqual(given);
  });

  it("can be mixed with the older form in one push, each answered in its own form", async () => {
    const vectorOf = async (id: string) => {
      const [row] = await db.sql`
        select embedding::real[] from mayfly.memory_vectors where tenant_id = ${tenant} and memory_id = ${id}`;
      return row?.embedding[383].toFixed(2);
    };
    const first = { embedding: Array(384).fill(0.1), model: "m" };
    const [newer, older] = [put(first), { ...putOf(), ...first }];
    expect(await sync([older, newer])).toEqual([
      { id: older.id, status: "applied", memory: older.memory.id },
      { id: newer.id, status: "applied", subject: newer.subject },
    ]);
    const change = updateOf(older.memory.id, { task: "changed" });
    const { embedding, ...rest } = { ...change, embedding: Array(384).fill(0.2), model: "m" };
    expect(await sync([{ ...rest, embedding }])).toMatchObject([{ memory: older.memory.id }]);
    expect((await read(older.memory.id)).task).toBe("changed");
    expect(await vectorOf(newer.subject)).toBe("0.10");
    expect(await vectorOf(older.memory.id)).toBe("0.20");
  });

  const faulty: Record<string, [unknown, string]> = {
    "no object": ["x", "id"],
    "an id that is none": [put({}, { id: "x" }), "id"],
    "a type that is none": [put({}, { type: "memory.pat" }), "type"],
    "no subject": [{ ...put(), subject: undefined }, "subject"],
    "a subject that is none": [put({}, { subject: "x" }), "subject"],
    "a body that is a list": [{ ...put(), body: [] }, "body"],
    "a body that is null": [{ ...put(), body: null }, "body"],
    "a body without text": [{ ...put(), body: {} }, "body"],
    "a field out of bounds": [put({ task: "x".repeat(2001) }), "body.task"],
    "a vector of the wrong length": [put({ embedding: [1, 2], model: "m" }), "body.embedding"],
    "a vector as a text": [
      put({ embedding: JSON.stringify(Array(384).fill(0.1)), model: "m" }),
      "body.embedding",
    ],
    "a vector without a model": [put({ embedding: Array(384).fill(0.1) }), "body.model"],
    "an agent that there is not": [put({ agent_id: randomUUID() }), "body.agent_id"],
    "a set that is none": [put({ set: 1 }, { type: "memory.update" }), "body.set"],
    "a clock ahead": [
      put({ set: { reward: 1 }, hlc: `${Date.now() + 600_000}-0000-a` }, { type: "memory.update" }),
      "body.hlc",
    ],
    "a mark of ours": [{ ...put(), old: "memory" }, "old"],
  };
  for (const [what, [operation, field]] of Object.entries(faulty))
    it(`with ${what} is refused with ${field}, and nothing of its push is applied`, async () => {
      const before = await countOf();
      const refusal = await refusalOf(push([put(), operation]));
      expect(refusal).toMatchObject({ details: { field } });
      if (!/agent_id|old/.test(field)) expect(refusal).toMatchObject({ details: { index: 1 } });
      expect(await countOf()).toEqual(before);
    });

  it("of the older form is refused with the fields of that form", async () => {
    for (const [operation, field] of [
      [{ ...putOf(), memory: 1 }, "memory"],
      [putOf({ id: "x" }), "memory.id"],
      [putOf({ task: 1 }), "memory.task"],
      ...[[1], ["x"], Array(384).fill(0), JSON.stringify(Array(384).fill(0.1)), {}].map(
        (embedding) => [{ ...putOf(), embedding, model: "m" }, "embedding"] as const,
      ),
      [{ ...putOf(), embedding: Array(384).fill(0.1) }, "model"],
      [updateOf(randomUUID(), { reward: 2 }), "memory.set.reward"],
    ] as const)
      expect(await refusalOf(sync([operation])), field).toMatchObject({
        code: "invalid_operation",
        details: { index: 0, field },
      });
  });

  it("with the id or the subject of another operation in the push is refused with index and field", async () => {
    const one = put();
    expect(await refusalOf(push([one, { ...put(), id: one.id }]))).toMatchObject({
      code: "invalid_operation",
      details: { index: 1, field: "id" },
    });
    expect(await refusalOf(push([put(), one, { ...put(), subject: one.subject }]))).toMatchObject({
      code: "invalid_operation",
      details: { index: 2, field: "subject" },
    });
  });

  it("is refused without the scope of its type, and a push that is not a list is always refused", async () => {
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["memory:read"] });
    expect(await refusalOf(push([put()], claims))).toMatchObject({
      code: "scope_missing",
      details: { scope: "memory:write" },
    });
    for (const operations of [{}, "x", 1])
      expect(await refusalOf(push(operations))).toMatchObject({ details: { field: "push" } });
    expect(await refusalOf(push(Array.from({ length: 1001 }, () => put())))).toMatchObject({
      code: "push_too_large",
    });
  });
});

describe("a room", () => {
  beforeAll(async () => {
    await db.sql.unsafe(`
      create table mayfly_private.test_notes (tenant_id uuid, id uuid, text text);
      grant all on mayfly_private.test_notes to public;
      create function mayfly_private.apply_notes(tenant uuid, push jsonb, claimed uuid[]) returns integer
      language plpgsql set search_path = '' as $$
      begin
        insert into mayfly_private.test_notes
        select tenant, (op ->> 'subject')::uuid, op #>> '{body,text}' from jsonb_array_elements(push) op
        where op ->> 'type' = 'note.write' and (op ->> 'id')::uuid = any (claimed);
        return 0;
      end $$;
      insert into mayfly_private.operation_types values ('note.write', 'state:write', 'mayfly_private.apply_notes(uuid, jsonb, uuid[])');`);
  });
  const note = (text: string): Operation => put({}, { type: "note.write", body: { text } });
  const notes = async () =>
    (await db.sql`select text from mayfly_private.test_notes order by 1`).map((row) => row.text);

  it("applies its operations once each, together with another room's in one push", async () => {
    const [a, b, memory] = [note("a"), note("b"), put()];
    const results = await push([a, memory, b]);
    expect(results.map(({ subject }) => subject)).toEqual([a, memory, b].map((o) => o.subject));
    expect(await push([b, memory, a])).toEqual([results[2], results[1], results[0]]);
    expect(await notes()).toEqual(["a", "b"]);
    expect(await read(memory.subject)).toMatchObject({ task: "a task" });
  });

  it("applies nothing if another room refuses, and its operations need their own scope", async () => {
    const refused = await refusalOf(push([note("c"), put({ task: 1 })]));
    expect(refused).toMatchObject({ details: { index: 1, field: "body.task" } });
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["memory:write"] });
    expect(await refusalOf(push([put(), note("d")], claims))).toMatchObject({
      code: "scope_missing",
      details: { scope: "state:write" },
    });
    expect(await notes()).toEqual(["a", "b"]);
  });
});

describe("many remembers at once", () => {
  it("are one push: 1,000 operations, one nudge, and each write is charged once", async () => {
    const own = await makeTenant(db.sql);
    const writer = await makeAgent(db.sql, own, { lifetime: 600 });
    const usage = async () => {
      const [row] = await db.sql`
        select sum(writes)::int as writes, sum(memories)::int as memories
        from mayfly_private.tenant_usage where tenant_id = ${own}`;
      return row;
    };
    const before = await usage();
    const results = await push(
      Array.from({ length: 1000 }, () => put()),
      writer.claims,
    );
    expect(results.length).toBe(1000);
    expect(await usage()).toMatchObject({ memories: 1000 });
    const [events] = await db.sql`
      select count(*)::int as events, count(distinct xid)::int as transactions
      from mayfly.events where tenant_id = ${own} and type = 'memory.created'`;
    expect(events).toEqual({ events: 1000, transactions: 1 });
    // A minute may have ended in between, and then the writes before it no longer count.
    const writes = ((await usage())?.writes as number) - (before?.writes as number);
    expect([1000, 1000 - (before?.writes as number)]).toContain(writes);
  });
});
