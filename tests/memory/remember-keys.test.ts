import type { Agent, Mayfly, Memory } from "@mayfly/sdk";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTenant } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let other: Agent;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
  agent = await spawn();
  other = await spawn();
});
afterAll(() => local?.close());

async function spawn(): Promise<Agent> {
  const { data, error } = await mayfly.spawn();
  if (error) throw error;
  return data;
}
const idOf = async (from: Promise<{ data: { id: string } | null }>) => (await from).data?.id ?? "";
const get = async (of: Agent, id: string): Promise<Memory | null> =>
  (await of.memory.get(id)).data ?? null;
const ofKey = async (key: string) => (await mayfly.memory.list({ key })).data?.memories ?? [];

describe("remember with a key", () => {
  it("changes the memory of that key: before it is synced, on the server, and by another agent", async () => {
    const first = await idOf(agent.remember({ key: "port", output: "5432", reward: 0.5 }));
    const again = await idOf(agent.remember({ key: "port", output: "5433" }));
    expect(again).toBe(first);
    expect(await get(agent, first)).toMatchObject({ output: "5433", reward: 0.5, unsynced: true });
    const { data: found } = await agent.recall("5433");
    expect(found?.results.map(({ id, output }) => [id, output])).toEqual([[first, "5433"]]);
    await agent.sync();
    expect(await ofKey("port")).toMatchObject([{ id: first, output: "5433", reward: 0.5 }]);

    const theirs = await idOf(other.remember({ key: "port", output: "5434" }));
    await other.sync();
    expect(await get(other, theirs)).toMatchObject({ id: first, output: "5434" });
    await other.memory.update(theirs, { set: { reward: 1 } });
    expect(await get(other, theirs)).toMatchObject({ id: first, reward: 1, unsynced: true });
    await other.sync();
    await agent.sync();
    expect(await get(agent, first)).toMatchObject({ output: "5434", reward: 1 });
    const local = await agent.memory.recallLocal("5434");
    expect(local.data?.results.map(({ id }) => id)).toEqual([first]);
  });

  it("shows waiting changes of the key instead of the server's value", async () => {
    const id = await idOf(agent.remember({ key: "host", task: "host", output: "alpha" }));
    await agent.sync();
    await agent.remember({ key: "host", task: "host", output: "omega" });
    const { data } = await agent.recall("host");
    const hosts = data?.results.filter((one) => one.task === "host");
    expect(hosts).toMatchObject([{ id, output: "omega", unsynced: true }]);
  });

  it("is refused if the key is invalid, and names the field", async () => {
    for (const key of ["", "x".repeat(201)])
      expect((await agent.remember({ key, task: "x" })).error).toMatchObject({
        code: "invalid_request",
        details: { field: "key" },
      });
  });
});

describe("identical content", () => {
  it("is stored once for each tenant, and each id still finds it", async () => {
    const lesson = { task: "Wait", output: "for the caches", tags: ["keys"] };
    const mine = await idOf(agent.remember(lesson));
    await agent.sync();
    const theirs = await idOf(other.remember(lesson));
    await other.sync();
    expect(await get(other, theirs)).toMatchObject({ id: mine });
    // As in a process that has only the id.
    expect((await mayfly.memory.get(theirs)).data).toMatchObject({ id: mine });
    const { data } = await mayfly.memory.list({ tags: ["keys"] });
    expect(data?.memories).toHaveLength(1);
    await other.memory.forget(theirs);
    await other.sync();
    expect(await get(agent, mine)).toBeNull();
  });

  it("is stored again if the caller wants it, and for each turn of a conversation", async () => {
    const conversationId = crypto.randomUUID();
    await agent.remember({ input: "yes", conversationId });
    await agent.remember({ input: "yes", conversationId });
    await agent.remember({ input: "tick", tags: ["tick"] });
    await agent.remember({ input: "tick", tags: ["tick"], allowDuplicate: true });
    await agent.sync();
    expect((await agent.memory.thread(conversationId)).data).toHaveLength(2);
    expect((await mayfly.memory.list({ tags: ["tick"] })).data?.memories).toHaveLength(2);
  });

  it("is found without hashing again for each memory, even by a plan without the index", async () => {
    const { tenant, mayfly } = await local.enter();
    const many = Array.from({ length: 40 }, (_, n) => ({ output: `This is number ${n}.` }));
    await mayfly.memory.remember(many);
    const push = many.map((body) => ({
      id: uuidv7(),
      type: "memory.put",
      subject: uuidv7(),
      body: { ...body, once: true },
    }));
    const rolledBack = new Error("rolled back");
    await local.sql
      .begin(async (session) => {
        await session`set local track_functions = 'all'`;
        // An invalid index still prevents duplicates, but no plan can use it.
        await session`update pg_index set indisvalid = false where indexrelid = 'mayfly.memories_content_idx'::regclass`;
        await session`select set_config('request.jwt.claims', '{"role": "service_role"}', true),
          set_config('request.headers', ${JSON.stringify(inTenant(tenant))}, true), set_config('role', 'service_role', true)`;
        const [row] = await session`select mayfly.sync(push => ${session.json(push)}) as answer`;
        expect(row?.answer.results[0]).toMatchObject({ status: "duplicate" });
        const [{ calls } = { calls: 0 }] =
          await session`select calls::integer from pg_stat_xact_user_functions where funcname = 'content_hash'`;
        expect(calls).toBe(80);
        throw rolledBack;
      })
      .catch((error: unknown) => {
        if (error !== rolledBack) throw error;
      });
  });
});

describe("remember of many", () => {
  it("queues all or none, and returns their ids in order", async () => {
    const waiting = agent.outbox.waiting;
    const many = Array.from({ length: 250 }, (_, n) => ({ input: `item ${n}`, tags: ["many"] }));
    const wrong = await agent.remember([...many, { input: "bad", reward: 2 }]);
    expect(wrong.error).toMatchObject({ details: { field: "250.reward" } });
    expect(agent.outbox.waiting).toBe(waiting);
    const { data } = await agent.remember(many);
    expect(agent.outbox.waiting).toBe(waiting + 250);
    expect(new Set(data?.map(({ id }) => id)).size).toBe(250);
    expect(await get(agent, data?.[7]?.id ?? "")).toMatchObject({ input: "item 7" });
    expect((await agent.remember([])).data).toEqual([]);
    await agent.sync();
  });

  it("stores them in one round trip for a person or the secret key", async () => {
    const { data, error } = await mayfly.memory.remember([
      { key: "one", output: "1" },
      { input: "item 7", tags: ["many"] },
      { input: "item 1000" },
    ]);
    expect(error).toBeNull();
    expect(data?.map(({ status }) => status)).toEqual(["stored", "duplicate", "stored"]);
    expect((await mayfly.memory.remember({ key: "one", output: "2" })).data).toEqual({
      id: data?.[0]?.id,
      status: "changed",
    });
    const refused = await mayfly.memory.remember([{ input: "x" }, { input: "y", reward: 2 }]);
    expect(refused.error).not.toBeNull();
  });
});
