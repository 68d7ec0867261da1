import { randomUUID } from "node:crypto";
import { setTimeout as turnOfTheLoop } from "node:timers/promises";
import { developmentEmbedder, type LogPage, Mayfly, type RecallOptions } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
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
  ({ tenant } = await local.enter());
  mayfly = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
});

const tasks = (memories: { task: string }[]) => memories.map(({ task }) => task);

describe("an agent's local memory", () => {
  it("answers a recall if the server is silent for 20 s", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "rotate keys" });
    proxy.swallow("/query");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      let answered = false;
      const asked = proxy.requestOf("/query");
      const recalled = agent.recall("keys").finally(() => {
        answered = true;
      });
      await asked;
      await vi.advanceTimersByTimeAsync(19_999);
      expect(answered).toBe(false);
      // Loading lets the event loop run in between, with timers of 0 ms that are faked as well.
      for (let ms = 0; ms < 1_000 && !answered; ms++) {
        await turnOfTheLoop(10);
        await vi.advanceTimersByTimeAsync(1);
      }
      expect(answered && dataOf(await recalled)).toMatchObject({
        mode: "local",
        problem: expect.stringContaining("query could not be reached"),
        results: [{ task: "rotate keys" }],
      });
    } finally {
      vi.useRealTimers();
      proxy.up();
    }
    await agent.stop();
  });

  it("has its own memories at once, and those of others after a sync", async () => {
    const [writer, reader] = [
      await spawnIn(mayfly, { name: "writer" }),
      await spawnIn(mayfly, { name: "reader" }),
    ];
    await writer.remember({ task: "rotate keys" });
    expect(dataOf(await writer.memory.recallLocal("keys"))).toMatchObject({
      mode: "local",
      results: [{ task: "rotate keys", agentName: "writer", agentId: writer.id }],
    });
    dataOf(await writer.sync({ pull: false }));
    expect(writer.memory.cached).toBe(1);
    expect(dataOf(await reader.sync()).pulled).toBeGreaterThan(0);
    expect(tasks(dataOf(await reader.memory.recallLocal("keys")).results)).toEqual(["rotate keys"]);
    const { pulled } = dataOf(await reader.sync());
    expect(pulled).toBe(0);
    await Promise.all([writer.stop(), reader.stop()]);
  });

  it("drops what others forget, and never gets back what it forgot itself", async () => {
    const [writer, reader] = [
      await spawnIn(mayfly, { name: "writer" }),
      await spawnIn(mayfly, { name: "reader" }),
    ];
    const { id } = dataOf(await writer.remember({ task: "to be forgotten" }));
    dataOf(await writer.sync());
    dataOf(await reader.sync());
    expect(reader.memory.cached).toBe(1);
    await writer.memory.forget(id);
    expect(writer.memory.cached).toBe(0);
    dataOf(await writer.sync());
    expect(writer.memory.cached).toBe(0);
    dataOf(await reader.sync());
    expect(reader.memory.cached).toBe(0);
    await Promise.all([writer.stop(), reader.stop()]);
  });

  it("is pulled again after the database was restored, and drops memories that are lost", async () => {
    const [writer, reader] = [
      await spawnIn(mayfly, { name: "writer" }),
      await spawnIn(mayfly, { name: "reader" }),
    ];
    await writer.remember({ task: "stays" });
    const { id } = dataOf(await writer.remember({ task: "gone" }));
    dataOf(await writer.sync());
    dataOf(await reader.sync());
    await reader.remember({ task: "unsent" });
    // The memory is deleted without a trace in the log, as in a restored backup.
    await local.sql`delete from mayfly.memories where tenant_id = ${tenant} and id = ${id}`;
    await local.sql`update mayfly_private.epochs set timeline = timeline + 1`;
    await local.sql`select mayfly_private.current_epoch()`;
    dataOf(await reader.sync());
    const held = dataOf(await reader.memory.recallLocal("stays gone unsent"));
    expect(tasks(held.results).sort()).toEqual(["stays", "unsent"]);
    await Promise.all([writer.stop(), reader.stop()]);
  });

  it("is pulled page by page, and each page is passed on once, even if its handler throws", async () => {
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task)
      select ${tenant}, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'memory ' || n
      from generate_series(0, 1199) n`;
    const small = new Mayfly({
      url: local.apiUrl,
      key: local.secretKey,
      tenant,
      cache: { maxMemories: 100 },
    });
    const reader = await spawnIn(small, { name: "reader" });
    const seen: string[] = [];
    let failures = 1;
    const pull = (page: LogPage) => {
      if (seen.length > 0 && failures-- > 0) throw new Error("handler");
      seen.push(...tasks(page.memories));
    };
    await expect(reader.sync({ pull })).rejects.toThrow("handler");
    dataOf(await reader.sync({ pull }));
    expect(seen).toEqual(Array.from({ length: 1_200 }, (_, n) => `memory ${n}`));
    expect(reader.memory.cached).toBeLessThanOrEqual(100);
    expect(dataOf(await reader.memory.recallLocal("memory 1199")).results[0]?.task).toBe(
      "memory 1199",
    );
    await reader.stop();
  });
});

describe("a recall without a server", () => {
  it("answers from the cache, and says why", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "Rotate the signing key", reward: 0.9 });
    dataOf(await agent.sync());
    expect(dataOf(await agent.recall("rotating keys")).mode).toBe("hybrid");
    proxy.down();
    const answer = dataOf(await agent.recall("rotating keys", { minReward: 0.8 }));
    expect(answer).toMatchObject({
      mode: "local",
      model: null,
      problem: expect.stringMatching(/query could not be reached.*by words only/),
      results: [{ task: "Rotate the signing key", parts: { words_rank: 1, vector_rank: null } }],
    });
    const context = dataOf(await agent.memory.context({ task: "rotating keys", maxTokens: 100 }));
    expect(context).toMatchObject({ mode: "local", memories: [{ reward: 0.9 }] });
    proxy.up();
    expect(dataOf(await agent.recall("rotating keys")).mode).toBe("hybrid");
    await agent.stop();
  });

  it("finds by meaning with a local embedder and the server's vectors", async () => {
    const writer = await spawnIn(mayfly);
    await writer.remember({ task: "Rotate the signing key" });
    await writer.remember({ task: "Bake bread" });
    dataOf(await writer.sync());
    const embedded: string[] = [];
    const embedder = {
      model: developmentEmbedder.model,
      embed: (texts: string[]) => {
        embedded.push(...texts);
        return developmentEmbedder.embed(texts);
      },
    };
    const knowing = new Mayfly({
      url: proxy.url,
      key: local.secretKey,
      tenant,
      cache: { embedder },
    });
    const reader = await spawnIn(knowing, { name: "reader" });
    dataOf(await reader.sync());
    const online = dataOf(await reader.recall("rotating keys"));
    proxy.down();
    const offline = dataOf(await reader.recall("rotating keys"));
    proxy.up();
    expect(offline).toMatchObject({ mode: "local", model: embedder.model });
    expect(offline.results[0]).toMatchObject({ id: online.results[0]?.id });
    expect(offline.results[0]?.parts.similarity).toBeCloseTo(
      online.results[0]?.parts.similarity ?? 0,
      2,
    );
    expect(offline.results[0]?.score).toBeCloseTo(online.results[0]?.score ?? 0, 3);
    expect(embedded).toEqual(["rotating keys"]);
    await Promise.all([writer.stop(), reader.stop()]);
  });

  it("refuses what the server would refuse, and does not hide its refusals", async () => {
    const agent = await spawnIn(mayfly);
    const refused = async (query: string, options: RecallOptions) =>
      (await agent.memory.recallLocal(query, options)).error?.details;
    expect(await refused("x", { limit: 0 })).toEqual({ field: "limit" });
    expect(await refused("", {})).toEqual({ field: "query" });
    expect(await refused("x", { embedding: [1, 0], model: "m" })).toEqual({ field: "embedding" });
    expect(await refused("x", { embedding: Array(384).fill(1) })).toEqual({ field: "model" });
    expect(await refused("x", { minReward: 2 })).toEqual({ field: "min_reward" });
    expect((await agent.recall("x", { limit: 101 })).error?.code).toBe("invalid_request");
    expect((await agent.memory.context({ task: "x", maxTokens: 0 })).error?.code).toBe(
      "invalid_request",
    );
    // A larger page would be cut to a thousand rows, and look as if there were no more.
    for (const limit of [0, 1.5, 1001]) {
      expect((await agent.memory.list({ limit })).error?.details).toEqual({ field: "limit" });
      expect((await agent.memory.conflicts.list({ limit })).error?.details).toEqual({
        field: "limit",
      });
      const { error } = await agent.memory.thread(randomUUID(), { last: limit });
      expect(error?.details).toEqual({ field: "last" });
    }
    const never = new Date(Number.NaN);
    expect((await agent.recall("x", { since: never })).error?.details).toEqual({ field: "since" });
    expect((await agent.remember({ task: "x", expiresAt: never })).error).toMatchObject({
      code: "invalid_request",
      details: { field: "expires_at" },
    });
    expect(
      (await agent.memory.update(randomUUID(), { set: { expiresAt: never } })).error,
    ).toMatchObject({
      code: "invalid_request",
      details: { field: "set.expires_at" },
    });
    await agent.remember({ task: "x" });
    await agent.stop();
    expect((await agent.recall("x")).error?.code).toBe("not_authorized");
  });
});

describe("reading memories", () => {
  it("filters a list, gets one memory, and gets a thread with its last turns in order", async () => {
    const agent = await spawnIn(mayfly);
    const [conversationId, sessionId] = [randomUUID(), randomUUID()];
    for (let n = 1; n <= 5; n++)
      await agent.remember({ kind: "conversation", task: `turn ${n}`, conversationId });
    const { id } = dataOf(
      await agent.remember({ task: "good", reward: 0.9, importance: 9, sessionId }),
    );
    dataOf(await agent.sync());
    const list = async (options: object) =>
      tasks(dataOf(await agent.memory.list(options)).memories);
    expect(await list({ kinds: ["conversation"] })).toHaveLength(5);
    expect(await list({ sessionId })).toEqual(["good"]);
    expect(await list({ minReward: 0.5 })).toEqual(["good"]);
    expect(await list({ minImportance: 9 })).toEqual(["good"]);
    expect(await list({ conversationId, limit: 2 })).toEqual(["turn 1", "turn 2"]);
    expect(await list({ agentId: randomUUID() })).toEqual([]);
    expect(tasks(dataOf(await agent.memory.thread(conversationId, { last: 3 })))).toEqual([
      "turn 3",
      "turn 4",
      "turn 5",
    ]);
    expect(dataOf(await agent.memory.get(id))).toMatchObject({
      task: "good",
      sessionId,
      version: 1,
      visibility: "tenant",
      updatedAt: expect.any(Date),
    });
    expect(await agent.memory.get(randomUUID())).toEqual({ data: null, error: null });
    await agent.stop();
  });

  it("finds what is similar to a memory, by the caller's own vectors too", async () => {
    const agent = await spawnIn(mayfly);
    const vector = (at: number) =>
      Array.from({ length: 384 }, (_, n) => (n === 0 ? 1 : n === at ? 0.2 : 0));
    const { id } = dataOf(
      await agent.remember({ task: "one", embedding: vector(1), model: "own" }),
    );
    await agent.remember({ task: "two", embedding: vector(2), model: "own" });
    await agent.remember({ task: "three" });
    expect((await agent.remember({ task: "x", embedding: vector(1) })).error?.details).toEqual({
      field: "model",
    });
    dataOf(await agent.sync());
    const similar = dataOf(await agent.memory.similar(id, { limit: 5, model: "own" }));
    expect(similar.model).toBe("own");
    expect(tasks(similar.results)).toEqual(["two"]);
    expect(
      dataOf(await agent.memory.recallLocal("two", { embedding: vector(2), model: "own" }))
        .results[0],
    ).toMatchObject({ task: "two", parts: { words_rank: 1, vector_rank: 1 } });
    expect((await agent.memory.similar(randomUUID())).error?.code).toBe("memory_unknown");
    await agent.stop();
  });
});
