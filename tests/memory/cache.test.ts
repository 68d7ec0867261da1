import { developmentEmbedder, type Embedder, type Memory, type RecalledMemory } from "@mayfly/sdk";
import { LocalSearch, MemoryCache, memoryFromBody } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";

const day = 86_400_000;
const at = Date.parse("2026-01-31T00:00:00Z");

function memoryOf(id: string, fields: Partial<Memory> = {}): Memory {
  return { ...memoryFromBody(id, { task: id }, null), createdAt: new Date(at), ...fields };
}

function searchOf(memories: Memory[], embedder?: Embedder) {
  const cache = new MemoryCache();
  const search = new LocalSearch(cache, embedder);
  for (const memory of memories) cache.put(memory);
  const idsOf = async (query: string, options = {}) =>
    (await search.recall(query, options, at)).results.map(({ memory }) => memory.id);
  return { cache, search, idsOf };
}

describe("the local cache", () => {
  it("evicts the least important memories first, and among these the oldest", () => {
    const cache = new MemoryCache({ maxMemories: 20 });
    for (let n = 0; n < 20; n++) {
      const importance = n % 2 === 0 ? 5 : 8;
      cache.put(memoryOf(`m${n}`, { importance, createdAt: new Date(at + n) }));
    }
    cache.put(memoryOf("new", { importance: 5, createdAt: new Date(at + 100) }));
    // There is one more than the cache may hold, so it drops memories until 95 % are left.
    const left = Array.from({ length: 20 }, (_, n) => `m${n}`).filter(
      (id) => id !== "m0" && id !== "m2",
    );
    expect(cache.memories().map(({ id }) => id)).toEqual([...left, "new"]);
  });

  it("stays within its bytes, whatever the number of memories", () => {
    const cache = new MemoryCache({ maxBytes: 100_000 });
    for (let n = 0; n < 100; n++) {
      cache.put(memoryOf(`m${n}`, { output: "x".repeat(5_000), createdAt: new Date(at + n) }));
      expect(cache.bytes).toBeLessThanOrEqual(100_000);
    }
    // The newest memories are left. Each has 5,000 characters of two bytes, and little else.
    const left = cache.memories().map(({ id }) => id);
    expect(left).toEqual(
      Array.from({ length: left.length }, (_, n) => `m${100 - left.length + n}`),
    );
    expect(cache.bytes).toBeGreaterThan(left.length * 10_000);
    expect(cache.bytes + 11_000).toBeGreaterThan(100_000 * 0.95 - 11_000);
    for (const { id } of cache.memories()) cache.remove(id);
    expect(cache.bytes).toBe(0);
  });

  it("never returns to an older version", () => {
    const cache = new MemoryCache();
    cache.put(memoryOf("m", { version: 2, output: "new" }));
    cache.put(memoryOf("m", { version: 1, output: "old" }));
    expect(cache.get("m")?.output).toBe("new");
    cache.put(memoryOf("m", { version: 3, output: "newer" }));
    expect(cache.get("m")?.output).toBe("newer");
    expect(cache.size).toBe(1);
  });

  it("drops what a second full sync does not include, except unpushed memories", () => {
    const cache = new MemoryCache();
    for (const id of ["stays", "gone", "unsynced"]) cache.put(memoryOf(id));
    cache.startOver();
    cache.put(memoryOf("stays"));
    cache.endSnapshot(new Set(["unsynced"]));
    expect(cache.memories().map(({ id }) => id)).toEqual(["stays", "unsynced"]);
  });
});

describe("a local search", () => {
  it("finds by words: stems, parts of identifiers, prefixes, other scripts, and tags", async () => {
    const { idsOf } = searchOf([
      memoryOf("stem", { task: "Rotate the signing key" }),
      memoryOf("identifier", { task: "x", output: "see parseHttpHeader in net_util" }),
      memoryOf("cyrillic", { task: "перезапуск сервера" }),
      memoryOf("tag", { task: "y", tags: ["postgres"] }),
    ]);
    expect(await idsOf("how are keys rotated?")).toEqual(["stem"]);
    expect(await idsOf("http header")).toEqual(["identifier"]);
    expect(await idsOf("parseHttpHeader")).toEqual(["identifier"]);
    expect(await idsOf("сервера")).toEqual(["cyrillic"]);
    expect(await idsOf("postgr")).toEqual(["tag"]);
    expect(await idsOf("the of and")).toEqual([]);
  });

  it("finds by meaning with an embedder, and fuses both", async () => {
    const { search } = searchOf(
      [memoryOf("both", { task: "rotate key" }), memoryOf("other", { task: "bake bread" })],
      developmentEmbedder,
    );
    const { model, problem, results } = await search.recall("rotating keys", {}, at);
    expect({ model, problem }).toEqual({ model: developmentEmbedder.model, problem: null });
    expect(results[0]).toMatchObject({
      memory: { id: "both" },
      parts: { words_rank: 1, vector_rank: 1, fit: 1, reward: 0.5, recency: 1 },
    });
    const { similarity = 0, relevance = 0 } = (results[0]?.parts ?? {}) as RecalledMemory["parts"];
    // Meaning has the weight 0.1. Unrelated texts have the similarity 0.1.
    const likeness = 0.01 + (0.99 * ((similarity ?? 0) - 0.1)) / 0.9;
    expect(relevance).toBeCloseTo((1 + 0.1 * likeness) / 1.1, 6);
    expect(results[0]?.score).toBeCloseTo(relevance * (0.7 + 0.05 + 0.05 + 0.1), 6);
  });

  it("never compares vectors of different models", async () => {
    const { search } = searchOf([memoryOf("foreign", { task: "zzz" })]);
    await search.recall("warm up", {}, at);
    search.addVector("foreign", "model-a", [1, 0]);
    const asked = { embedding: [1, 0], model: "model-b" };
    expect((await search.recall("nothing", asked, at)).results).toEqual([]);
    const same = await search.recall("nothing", { ...asked, model: "model-a" }, at);
    expect(same.results[0]).toMatchObject({ memory: { id: "foreign" }, parts: { similarity: 1 } });
  });

  it("says that it used only words, and why", async () => {
    const { search } = searchOf([memoryOf("m", { task: "key" })]);
    expect(await search.recall("key", {}, at)).toMatchObject({
      model: null,
      problem: expect.stringContaining("no embedder"),
    });
    const failing = { model: "m", embed: () => Promise.reject(new Error("offline")) };
    const other = searchOf([memoryOf("m", { task: "key" })], failing);
    expect(await other.search.recall("key", {}, at)).toMatchObject({
      problem: expect.stringContaining("offline"),
      results: [{ memory: { id: "m" } }],
    });
  });

  it("filters as the server does", async () => {
    const { idsOf } = searchOf([
      memoryOf("plain", { task: "key" }),
      memoryOf("good", { task: "key", reward: 0.9, tags: ["a", "b"], kind: "fact", agentId: "x" }),
      memoryOf("old", { task: "old key", createdAt: new Date(at - 9 * day) }),
      memoryOf("expired", { task: "key", expiresAt: new Date(at) }),
      memoryOf("lasts", {
        task: "lasting key",
        reward: 0.1,
        expiresAt: new Date(at + 1),
        tags: ["a"],
      }),
    ]);
    expect((await idsOf("key")).sort()).toEqual(["good", "lasts", "old", "plain"]);
    expect(await idsOf("key", { minReward: 0.9 })).toEqual(["good"]);
    expect(await idsOf("key", { minReward: 0.91 })).toEqual([]);
    expect(await idsOf("key", { minReward: 0.1 })).toEqual(["good", "lasts"]);
    expect(await idsOf("key", { tags: ["a", "b"] })).toEqual(["good"]);
    expect((await idsOf("key", { tags: ["a"] })).sort()).toEqual(["good", "lasts"]);
    expect(await idsOf("key", { tags: ["a", "c"] })).toEqual([]);
    expect(await idsOf("key", { kinds: ["learning"] })).toEqual([]);
    expect(await idsOf("key", { agentId: "y" })).toEqual([]);
    expect(await idsOf("key", { kinds: ["fact"] })).toEqual(["good"]);
    expect(await idsOf("key", { agentId: "x" })).toEqual(["good"]);
    expect((await idsOf("key", { since: new Date(at - day) })).sort()).toEqual([
      "good",
      "lasts",
      "plain",
    ]);
    expect((await idsOf("key", { since: new Date(at - 9 * day) })).length).toBe(4);
    expect(await idsOf("key", { limit: 1 })).toEqual(["good"]);
  });

  it("follows changes and removals", async () => {
    const { cache, idsOf } = searchOf([memoryOf("m", { task: "apples" })]);
    expect(await idsOf("apples")).toEqual(["m"]);
    cache.put(memoryOf("m", { task: "pears", version: 2 }));
    expect(await idsOf("apples")).toEqual([]);
    expect(await idsOf("pears")).toEqual(["m"]);
    cache.remove("m");
    expect(await idsOf("pears")).toEqual([]);
  });

  it("leaves the event loop free while it indexes", async () => {
    const { search } = searchOf(
      Array.from({ length: 500 }, (_, n) => memoryOf(`m${n}`, { output: `word${n} `.repeat(50) })),
    );
    // Counts iterations of the event loop, not time, because the time depends on the machine.
    let turns = 0;
    let over = false;
    const turn = () => {
      turns++;
      if (!over) setTimeout(turn, 0);
    };
    setTimeout(turn, 0);
    const { results } = await search.recall("word499", {}, at);
    over = true;
    expect(results[0]?.memory.id).toBe("m499");
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
