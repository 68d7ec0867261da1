/** Based on langgraphjs' own tests of its InMemoryStore and its Postgres store. */
import { InMemoryStore } from "@langchain/langgraph-checkpoint";
import { MayflyStore } from "@mayfly/langgraph";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let store: MayflyStore;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  await mayfly?.close();
  ({ mayfly } = await local.enter());
  store = new MayflyStore(mayfly);
});
const keysOf = (items: { key: string }[]) => items.map(({ key }) => key);

describe("the store", () => {
  it("puts, gets, changes and deletes an item", async () => {
    await store.put(["test", "a"], "k", { n: 1, list: [{ deep: true }] });
    const first = await store.get(["test", "a"], "k");
    expect(first).toMatchObject({
      namespace: ["test", "a"],
      key: "k",
      value: { n: 1, list: [{ deep: true }] },
    });
    expect(first?.createdAt).toBeInstanceOf(Date);
    await store.put(["test", "a"], "k", { other: 2 });
    const second = await store.get(["test", "a"], "k");
    expect(second?.value).toEqual({ other: 2 });
    expect(second?.createdAt).toEqual(first?.createdAt);
    expect(await store.get(["test"], "k")).toBeNull();
    await store.delete(["test", "a"], "k");
    await store.delete(["test", "a"], "never");
    expect(await store.get(["test", "a"], "k")).toBeNull();
    await store.put(["test", "a"], "k", { again: 3 });
    expect((await store.get(["test", "a"], "k"))?.value).toEqual({ again: 3 });
  });

  it("answers a batch in order: reads come before puts, and the last put of a key wins", async () => {
    await store.put(["b"], "old", { n: 0 });
    const results = await store.batch([
      { namespace: ["b"], key: "new" },
      { namespace: ["b"], key: "new", value: { n: 1 } },
      { namespace: ["b"], key: "new", value: { n: 2 } },
      { namespacePrefix: ["b"], limit: 10, offset: 0 },
      { limit: 10, offset: 0 },
      { namespace: ["b"], key: "old", value: null },
    ]);
    expect(results[0]).toBeNull();
    expect(results.slice(1, 3)).toEqual([undefined, undefined]);
    expect(keysOf(results[3] as never)).toEqual(["old"]);
    expect(results[4]).toEqual([["b"]]);
    expect(keysOf(await store.search(["b"]))).toEqual(["new"]);
    expect((await store.get(["b"], "new"))?.value).toEqual({ n: 2 });
  });

  it("filters and pages as LangGraph's own store does, with its operators", async () => {
    const own = new InMemoryStore();
    const items = [
      ["a", { score: 1, kind: "x" }],
      ["b", { score: 2.5, kind: "y" }],
      ["c", { score: 4, kind: "x" }],
      ["d", { kind: "z" }],
    ] as const;
    for (const each of [own, store])
      for (const [key, value] of items) await each.put(["docs", "en"], key, value);
    const asked = [
      {},
      { filter: { kind: "x" } },
      { filter: { kind: { $ne: "x" } } },
      { filter: { score: { $gt: 1, $lte: 4 } } },
      { filter: { kind: { $in: ["x", "z"] } } },
      { filter: { kind: { $nin: ["x", "z"] } } },
      { filter: { kind: "x", score: { $gte: 4 } } },
      { limit: 2, offset: 1 },
      { filter: { kind: "x" }, limit: 1, offset: 1 },
    ];
    for (const options of asked)
      expect(keysOf(await store.search(["docs"], options)), JSON.stringify(options)).toEqual(
        keysOf(await own.search(["docs"], options)),
      );
    expect(await store.search(["doc"])).toEqual([]);
  });

  it("lists namespaces as LangGraph's own store does", async () => {
    const own = new InMemoryStore();
    const namespaces = [
      ["a", "b", "c"],
      ["a", "b", "d", "e"],
      ["a", "b", "d", "i"],
      ["a", "c", "f"],
      ["b", "a", "f"],
      ["users", "123"],
    ];
    const puts = namespaces.map((namespace) => ({ namespace, key: "k", value: { n: 1 } }));
    await Promise.all([own.batch(puts), store.batch(puts)]);
    for (const options of [
      {},
      { prefix: ["a"] },
      { prefix: ["a", "*", "d"] },
      { suffix: ["f"] },
      { suffix: ["*", "f"], prefix: ["b"] },
      { maxDepth: 2 },
      { prefix: ["a", "b"], maxDepth: 3 },
      { limit: 2, offset: 1 },
    ])
      expect(await store.listNamespaces(options), JSON.stringify(options)).toEqual(
        await own.listNamespaces(options),
      );
  });

  it("searches the indexed fields of values, and leaves out values that were put without an index", async () => {
    const fields = new MayflyStore(mayfly, { fields: ["text", "notes[*]"] });
    await fields.put(["s"], "tea", { text: "Ada drinks green tea", hidden: "zebra" });
    await fields.put(["s"], "car", { text: "The car needs petrol", notes: ["an umbrella inside"] });
    await fields.put(["s"], "quiet", { text: "green tea as well" }, false);
    const [best] = await fields.search(["s"], { query: "green tea" });
    expect(best).toMatchObject({ key: "tea", namespace: ["s"] });
    expect(best?.score).toBeGreaterThan(0);
    expect((await fields.search(["s"], { query: "umbrella" }))[0]?.key).toBe("car");
    const scoreOf = async (query: string) =>
      (await fields.search(["s"], { query })).find(({ key }) => key === "tea")?.score ?? 0;
    expect(await scoreOf("zebra")).toBeLessThan(await scoreOf("green"));
    expect(await fields.search(["s"], { query: "green tea", filter: { text: "no" } })).toEqual([]);
    expect(await fields.search(["t"], { query: "green tea" })).toEqual([]);
  });

  it("expires items at their time", async () => {
    const soon = new MayflyStore(mayfly, { expiresIn: 60 });
    await soon.put(["e"], "k", { n: 1 });
    expect(await soon.get(["e"], "k")).toMatchObject({ value: { n: 1 } });
    vi.setSystemTime(Date.now() + 61_000);
    expect(await soon.get(["e"], "k")).toBeNull();
    expect(await soon.search(["e"])).toEqual([]);
    expect(await soon.listNamespaces()).toEqual([]);
    vi.useRealTimers();
    await local.advance("61 seconds");
    await mayfly.tenants.maintain();
    expect((await mayfly.memory.list()).data?.memories).toEqual([]);
  });

  it("takes long names, and keeps tenants apart", async () => {
    const long = ["x".repeat(150), "y".repeat(150)];
    await store.put(long, "z".repeat(150), { n: 1 });
    expect(await store.get(long, "z".repeat(150))).toMatchObject({ namespace: long });
    expect(await store.search(long)).toHaveLength(1);
    const { mayfly: other } = await local.enter();
    expect(await new MayflyStore(other).search([])).toEqual([]);
    await other.close();
  });

  it("works for an agent, and throws refusals with their codes", async () => {
    const { data: agent } = await mayfly.spawn();
    if (!agent) throw new Error("no agent");
    const own = new MayflyStore(agent);
    await own.put(["agents"], "k", { n: 1 });
    expect(await store.get(["agents"], "k")).toMatchObject({ value: { n: 1 } });
    await own.delete(["agents"], "k");
    expect(await own.get(["agents"], "k")).toBeNull();
    const { data: reader } = await mayfly.spawn({ scopes: ["memory:read"] });
    if (!reader) throw new Error("no reader");
    await expect(new MayflyStore(reader).put(["a"], "k", { n: 1 })).rejects.toMatchObject({
      code: "scope_missing",
    });
    await expect(store.put(["a.b"], "k", {})).rejects.toThrow("periods");
  });
});
