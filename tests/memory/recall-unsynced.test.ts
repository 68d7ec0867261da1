import { randomUUID } from "node:crypto";
import { type Agent, developmentEmbedder, Mayfly, type RecallOptions } from "@mayfly/sdk";
import { LocalSearch, MemoryCache, memoryStorage, Outbox, Unsynced } from "@mayfly/sdk/internal";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let agent: Agent;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  const { tenant } = await local.enter();
  mayfly = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
  agent = await spawnIn(mayfly, { name: "writer" });
});
afterEach(async () => {
  proxy.up();
  await agent.stop();
});

const found = async (query: string, options: RecallOptions = {}, by = agent) =>
  dataOf(await by.recall(query, options)).results;
const tasks = (memories: { task: string }[]) => memories.map(({ task }) => task);

describe("a recall of unsynced memories", () => {
  it("finds each once, and marks it until it is synced", async () => {
    const { id } = dataOf(await agent.remember({ task: "rotate keys", reward: 0.9 }));
    const answer = dataOf(await agent.recall("rotating keys"));
    expect(answer).toMatchObject({
      mode: expect.not.stringMatching("local"),
      results: [
        {
          ...{ id, task: "rotate keys", reward: 0.9, agentId: agent.id, agentName: "writer" },
          unsynced: true,
          parts: { local: true, words_rank: 1, vector_rank: null, relevance: 1 },
        },
      ],
    });
    expect(dataOf(await agent.memory.recallLocal("rotating keys")).results).toMatchObject([
      { id, unsynced: true, parts: { local: true } },
    ]);
    dataOf(await agent.sync());
    const results = await found("rotating keys");
    expect(tasks(results)).toEqual(["rotate keys"]);
    expect(results[0]).not.toHaveProperty("unsynced");
    expect(results[0]?.parts).not.toHaveProperty("local");
    expect(dataOf(await agent.memory.recallLocal("keys")).results[0]).not.toHaveProperty(
      "unsynced",
    );
  });

  it("merges them with the server's results by score, within the limit", async () => {
    for (const n of [1, 2, 3]) await agent.remember({ task: `old keys ${n}`, reward: 0.2 });
    dataOf(await agent.sync());
    await agent.remember({ task: "new keys", reward: 1 });
    await agent.remember({ task: "bread" });
    const results = await found("keys", { limit: 2 });
    expect(results).toHaveLength(2);
    expect(results[0]).toMatchObject({ task: "new keys", unsynced: true });
    expect(results[1]).not.toHaveProperty("unsynced");
    const all = await found("keys", { limit: 100 });
    expect(tasks(all).sort()).toEqual(["new keys", "old keys 1", "old keys 2", "old keys 3"]);
    const scores = all.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect((await agent.recall("keys", { limit: 101 })).error?.code).toBe("invalid_request");
    expect((await agent.recall("keys", { limit: 0 })).error?.code).toBe("invalid_request");
  });

  it("leaves out forgotten memories, and fills their places", async () => {
    const { id } = dataOf(await agent.remember({ task: "keys one" }));
    await agent.remember({ task: "keys two" });
    dataOf(await agent.sync());
    await agent.memory.forget(id);
    expect(tasks(await found("keys one", { limit: 1 }))).toEqual(["keys two"]);
    const waiting = dataOf(await agent.remember({ task: "keys three" }));
    await agent.memory.forget(waiting.id);
    expect(tasks(await found("keys"))).toEqual(["keys two"]);
    dataOf(await agent.sync());
    expect(tasks(await found("keys"))).toEqual(["keys two"]);
  });

  it("shows updates of waiting memories, of memories on the server, and of memories that match only after the update", async () => {
    const synced = dataOf(await agent.remember({ task: "rotate keys", output: "old", reward: 1 }));
    const other = dataOf(await agent.remember({ task: "bread" }));
    dataOf(await agent.sync());
    const waiting = dataOf(await agent.remember({ task: "store keys", output: "old" }));
    for (const { id } of [synced, waiting])
      await agent.memory.update(id, { set: { output: "new", tags: ["tried"] } });
    await agent.memory.update(other.id, { set: { task: "copy keys", output: "new" } });
    const results = await found("keys");
    expect(tasks(results).sort()).toEqual(["copy keys", "rotate keys", "store keys"]);
    for (const result of results) expect(result).toMatchObject({ output: "new", unsynced: true });
    expect(tasks(await found("keys", { tags: ["tried"] })).sort()).toEqual([
      "rotate keys",
      "store keys",
    ]);
    // After an update, a memory that no longer matches the filter is no longer found.
    await agent.memory.update(synced.id, { set: { reward: 0.1 } });
    expect(await found("rotate keys", { minReward: 0.8 })).toEqual([]);
    dataOf(await agent.sync());
    const after = await found("keys");
    expect(tasks(after).sort()).toEqual(["copy keys", "rotate keys", "store keys"]);
    for (const result of after) expect(result).not.toHaveProperty("unsynced");
  });

  it("applies every filter", async () => {
    const [sessionId, conversationId] = [randomUUID(), randomUUID()];
    await agent.remember({
      ...{ kind: "fact", task: "keys", tags: ["a", "b"], reward: 0.7, sessionId, conversationId },
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    const [past, future] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)];
    const passing: RecallOptions[] = [
      { kinds: ["fact"] },
      { tags: ["b"] },
      { agentId: agent.id.toUpperCase() },
      { minReward: 0.7 },
      { since: past },
      { until: future },
      { task: "keys" },
      { sessionId },
      { conversationId },
    ];
    for (const options of passing) expect(tasks(await found("keys", options))).toEqual(["keys"]);
    const failing: RecallOptions[] = [
      { kinds: ["episode"] },
      { tags: ["a", "c"] },
      { agentId: randomUUID() },
      { minReward: 0.8 },
      { since: future },
      { until: past },
      { task: "key" },
      { sessionId: randomUUID() },
      { conversationId: randomUUID() },
    ];
    for (const options of failing) expect(await found("keys", options)).toEqual([]);
  });

  it("lists a memory once while its push is under way, and right after it is acknowledged", async () => {
    const { id } = dataOf(await agent.remember({ task: "rotate keys" }));
    proxy.loseAnswers("/sync", 1);
    expect((await agent.sync()).error?.code).toBe("unavailable");
    expect(await found("keys")).toMatchObject([{ id, unsynced: true }]);
    const [results] = await Promise.all([found("keys"), agent.sync()]);
    expect(results.map((result) => result.id)).toEqual([id]);
  });

  it("finds a memory without the mark if it is acknowledged after the server has searched", async () => {
    const outbox = new Outbox("tenant", async () => memoryStorage());
    const own = { id: randomUUID(), name: "own" };
    const unsynced = new Unsynced(outbox, own, new MemoryCache());
    const put = { id: randomUUID(), type: "memory.put", subject: randomUUID() } as const;
    await outbox.add({ ...put, body: { task: "rotate keys" } }, own.id);
    const before = unsynced.waiting();
    const looked = { mode: "words_only", model: null, problem: null, results: [] } as const;
    await outbox.acknowledge(outbox.take(own.id));
    const pending = unsynced.since(before);
    const answer = { ...looked, results: [...looked.results] };
    const { results } = await unsynced.recall(answer, "keys", {}, pending, Date.now());
    expect(tasks(results)).toEqual(["rotate keys"]);
    expect(results[0]).not.toHaveProperty("unsynced");
    expect(unsynced.since(unsynced.waiting()).size).toBe(0);
    await outbox.close();
  });

  it("also searches by meaning with a local embedder or the caller's vectors", async () => {
    const knowing = new Mayfly({
      ...{ url: proxy.url, key: local.secretKey, tenant: agent.tenantId },
      cache: { embedder: developmentEmbedder },
    });
    const reader = await spawnIn(knowing, { name: "knowing" });
    await reader.remember({ task: "Rotate the signing key" });
    expect(await found("rotating keys", {}, reader)).toMatchObject([
      { parts: { words_rank: 1, vector_rank: 1 }, unsynced: true },
    ]);
    const embedding = Array.from({ length: 384 }, (_, n) => (n === 0 ? 1 : 0));
    await agent.remember({ task: "own vector", embedding, model: "own" });
    expect(await found("nothing", { embedding, model: "own" })).toMatchObject([
      { task: "own vector", parts: { words_rank: null, vector_rank: 1, similarity: 1 } },
    ]);
    await reader.stop();
  });

  it("does not affect other agents, and costs nothing if nothing is waiting", async () => {
    const other = await spawnIn(mayfly, { name: "other" });
    await other.remember({ task: "keys of another" });
    const searched = vi.spyOn(LocalSearch.prototype, "recall");
    expect(await found("keys")).toEqual([]);
    expect(searched).not.toHaveBeenCalled();
    searched.mockRestore();
    await other.stop();
  });
});

describe("unsynced memories appear", () => {
  it("in a context", async () => {
    await agent.remember({ task: "rotate keys", output: "Import, wait, rotate." });
    const { text, memories } = dataOf(await agent.memory.context({ task: "keys", maxTokens: 100 }));
    expect(text).toBe("## rotate keys\nImport, wait, rotate.");
    expect(memories).toMatchObject([{ unsynced: true }]);
  });

  it("by id", async () => {
    const { id } = dataOf(await agent.remember({ task: "one", output: "old" }));
    await agent.memory.update(id, { set: { output: "new" } });
    const expected = { id, task: "one", output: "new", agentId: agent.id };
    expect(dataOf(await agent.memory.get(id.toUpperCase()))).toMatchObject({
      ...expected,
      unsynced: true,
    });
    proxy.down();
    expect(dataOf(await agent.memory.get(id))).toMatchObject({ ...expected, unsynced: true });
    proxy.up();
    dataOf(await agent.sync());
    expect(dataOf(await agent.memory.get(id))).toMatchObject({ ...expected, version: 2 });
    expect(dataOf(await agent.memory.get(id))).not.toHaveProperty("unsynced");
    await agent.memory.update(id, { set: { reward: 1 } });
    expect(dataOf(await agent.memory.get(id))).toMatchObject({
      ...expected,
      reward: 1,
      unsynced: true,
    });
    await agent.memory.forget(id);
    expect(dataOf(await agent.memory.get(id))).toBeNull();
  });

  it("in a thread", async () => {
    const conversationId = randomUUID();
    const turn = async (task: string) =>
      dataOf(await agent.remember({ kind: "conversation", task, conversationId })).id;
    const first = await turn("turn 1");
    await turn("turn 2");
    dataOf(await agent.sync());
    await turn("turn 3");
    await agent.remember({ kind: "conversation", task: "elsewhere" });
    const thread = async (last?: number) =>
      dataOf(await agent.memory.thread(conversationId, last ? { last } : {}));
    expect(tasks(await thread())).toEqual(["turn 1", "turn 2", "turn 3"]);
    expect(tasks(await thread(2))).toEqual(["turn 2", "turn 3"]);
    expect((await thread()).map(({ unsynced }) => unsynced)).toEqual([undefined, undefined, true]);
    await agent.memory.update(first, { set: { output: "new" } });
    expect((await thread())[0]).toMatchObject({ output: "new", unsynced: true });
    await agent.memory.forget(first);
    expect(tasks(await thread())).toEqual(["turn 2", "turn 3"]);
    dataOf(await agent.sync());
    expect(tasks(await thread())).toEqual(["turn 2", "turn 3"]);
  });

  it("unless the server refused them", async () => {
    const { id } = dataOf(await agent.remember({ task: "keys" }));
    dataOf(await agent.sync());
    dataOf(await agent.remember({ id, task: "keys again" }));
    expect(dataOf(await agent.sync()).rejected).toBe(1);
    expect(tasks(await found("keys"))).toEqual(["keys"]);
    expect(dataOf(await agent.memory.get(id))?.task).toBe("keys");
    dataOf(await agent.outbox.discard());
  });
});
