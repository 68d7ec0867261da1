/** Simultaneous changes of agents, offline and online, and what each agent then sees. */

import { type Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
let one: Agent;
let other: Agent;
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
  // The two agents run as on two machines, each with its own outbox and clock.
  one = await spawnIn(mayflyOf(), { scopes: [...scopes, "agent:spawn"] });
  other = await spawnIn(mayflyOf());
});
afterEach(async () => {
  proxy.up();
  await Promise.all([one.stop(), other.stop()]);
});

const scopes = ["memory:read", "memory:write"];
const mayflyOf = () => new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
const shared = async (fields: object = {}) => {
  const { id } = dataOf(await one.remember({ task: "shared", ...fields }));
  dataOf(await one.sync());
  dataOf(await other.sync());
  return id;
};
const heldBy = async (agent: Agent, query = "shared") =>
  dataOf(await agent.memory.recallLocal(query)).results[0];
const onServer = async (id: string) => dataOf(await one.memory.get(id));
/** Lets an agent do something while its clock is ahead by this much. Nothing else runs meanwhile. */
async function byClock(aheadMs: number, work: () => Promise<unknown>) {
  const now = Date.now() + aheadMs;
  const spy = vi.spyOn(Date, "now").mockImplementation(() => now);
  await work();
  spy.mockRestore();
}

describe("an update of one memory", () => {
  it("loses each field to an update that was made later, even if that update is pushed first", async () => {
    const id = await shared();
    await one.memory.update(id, { set: { reward: 0.1, critique: "of one" } });
    await byClock(500, () => other.memory.update(id, { set: { reward: 0.9 } }));
    dataOf(await other.sync());
    dataOf(await one.sync());
    expect(await onServer(id)).toMatchObject({
      reward: expect.closeTo(0.9),
      critique: "of one",
    });
    dataOf(await other.sync());
    for (const agent of [one, other]) {
      expect(await heldBy(agent)).toMatchObject({
        reward: expect.closeTo(0.9),
        critique: "of one",
      });
    }
  });

  it("wins over an update that its agent had already seen, whatever the clocks say", async () => {
    const id = await shared();
    // The server accepts clocks that are up to 60 s ahead.
    await byClock(40_000, () => other.memory.update(id, { set: { output: "by a fast clock" } }));
    dataOf(await other.sync());
    dataOf(await one.sync());
    await one.memory.update(id, { set: { output: "by one who knows it" } });
    dataOf(await one.sync());
    expect(await onServer(id)).toMatchObject({ output: "by one who knows it" });
  });

  it("from a clock that is an hour ahead gets a new timestamp, and is pushed", async () => {
    const id = await shared();
    await byClock(3_600_000, async () => {
      await one.memory.update(id, { set: { reward: 0.5 } });
      await one.memory.update(id, { set: { critique: "and more" } });
    });
    expect(dataOf(await one.sync())).toMatchObject({ pushed: 2, rejected: 0 });
    expect(one.outbox.refused).toEqual([]);
    // The update is no longer from the future, so later changes win.
    await other.memory.update(id, { set: { reward: 0.7 } });
    dataOf(await other.sync());
    expect(await onServer(id)).toMatchObject({
      reward: expect.closeTo(0.7),
      critique: "and more",
    });
  });
});

describe("an update in the local cache", () => {
  it("is found offline at once, by its new words, and not by the old ones", async () => {
    const id = await shared({ tags: ["apples"], reward: 0.2 });
    proxy.down();
    await other.memory.update(id, { set: { tags: ["pears"], output: "bananas", reward: 0.8 } });
    expect(dataOf(await other.recall("bananas"))).toMatchObject({
      mode: "local",
      results: [{ id, task: "shared", tags: ["pears"], reward: 0.8 }],
    });
    expect(dataOf(await other.memory.recallLocal("apples")).results).toEqual([]);
    expect(
      dataOf(await other.memory.recallLocal("shared", { minReward: 0.5 })).results,
    ).toHaveLength(1);
    await other.memory.update(id, { set: { reward: null } });
    expect(await heldBy(other)).toMatchObject({ reward: null, output: "bananas" });
  });

  it("of a memory that is still in the outbox is found too, and is pushed together with the memory", async () => {
    const { id } = dataOf(await one.remember({ task: "shared" }));
    await one.memory.update(id, { set: { output: "enlarged" } });
    expect(await heldBy(one, "enlarged")).toMatchObject({ id, output: "enlarged" });
    expect(dataOf(await one.sync({ pull: false })).pushed).toBe(2);
    expect(await heldBy(one, "enlarged")).toMatchObject({ id, output: "enlarged" });
    expect(await onServer(id)).toMatchObject({ output: "enlarged", version: 2 });
  });

  it("stays when the push is acknowledged, before anything is pulled", async () => {
    const id = await shared({ output: "old" });
    await one.memory.update(id, { set: { output: "new" } });
    dataOf(await one.sync({ pull: false }));
    expect(await heldBy(one)).toMatchObject({ output: "new" });
  });

  it("is replaced by the server's value if another agent's update was newer", async () => {
    const id = await shared({ output: "old" });
    await byClock(-50, () => one.memory.update(id, { set: { output: "earlier" } }));
    expect(await heldBy(one)).toMatchObject({ output: "earlier" });
    await other.memory.update(id, { set: { output: "later" } });
    dataOf(await other.sync());
    dataOf(await one.sync());
    expect(await heldBy(one)).toMatchObject({ output: "later" });
  });

  it("becomes the server's merged value", async () => {
    const id = await shared({ tags: ["a", "b"] });
    const change = (tags: string[]) => ({
      set: { tags },
      base: { tags: ["a", "b"] },
      resolve: "merge" as const,
    });
    await one.memory.update(id, change(["b", "c"]));
    await other.memory.update(id, change(["a", "b", "d"]));
    dataOf(await other.sync());
    expect(await heldBy(one)).toMatchObject({ tags: ["b", "c"] });
    dataOf(await one.sync());
    expect((await heldBy(one))?.tags.sort()).toEqual(["b", "c", "d"]);
  });

  it("is taken back when the server refuses it", async () => {
    const id = await shared({ output: "", metadata: { a: 1 } });
    await one.memory.update(id, { set: { metadata: { text: "x".repeat(70_000) } } });
    expect((await heldBy(one))?.metadata).toHaveProperty("text");
    expect(dataOf(await one.sync()).rejected).toBe(1);
    expect((await heldBy(one))?.metadata).toEqual({ a: 1 });
  });

  it("of a memory that somebody else forgot disappears with it", async () => {
    const id = await shared();
    await one.memory.update(id, { set: { output: "too late" } });
    await other.memory.forget(id);
    dataOf(await other.sync());
    dataOf(await one.sync());
    expect([one.memory.cached, other.memory.cached]).toEqual([0, 0]);
  });
});

describe("a memory that changes its visibility", () => {
  it("leaves the caches of agents that may no longer see it, and stays with its owner", async () => {
    const id = await shared();
    expect(other.memory.cached).toBe(1);
    await one.memory.update(id, { set: { visibility: "agent" } });
    dataOf(await one.sync());
    const events: string[] = [];
    dataOf(
      await other.sync({ pull: (page) => void events.push(...page.events.map((e) => e.type)) }),
    );
    expect(events).toEqual(["memory.hidden"]);
    expect([one.memory.cached, other.memory.cached]).toEqual([1, 0]);
    expect(dataOf(await other.memory.recallLocal("shared")).results).toEqual([]);
    expect(dataOf(await other.memory.get(id))).toBeNull();
  });

  it("arrives when more agents may see it, even after the cursor has passed it", async () => {
    const { id } = dataOf(await one.remember({ task: "shared", visibility: "agent" }));
    dataOf(await one.sync());
    dataOf(await other.sync());
    await one.remember({ task: "something later" });
    dataOf(await one.sync());
    dataOf(await other.sync());
    expect(await heldBy(other)).toBeUndefined();
    await one.memory.update(id, { set: { visibility: "tenant" } });
    dataOf(await one.sync());
    dataOf(await other.sync());
    expect(await heldBy(other)).toMatchObject({ id, task: "shared" });
    expect(dataOf(await other.sync()).pulled).toBe(0);
  });

  it("reaches an ancestor of its agent but no sister, and leaves caches only once", async () => {
    const child = dataOf(await one.spawn({ scopes }));
    const sister = dataOf(await one.spawn({ scopes }));
    const { id } = dataOf(await child.remember({ task: "shared", visibility: "agent" }));
    dataOf(await child.sync());
    for (const agent of [one, sister, other]) dataOf(await agent.sync());
    expect([one.memory.cached, sister.memory.cached, other.memory.cached]).toEqual([1, 0, 0]);
    for (const visibility of ["tenant", "agent"] as const) {
      await child.memory.update(id, { set: { visibility } });
      dataOf(await child.sync());
      for (const agent of [one, sister, other]) dataOf(await agent.sync());
      const seen = visibility === "tenant" ? 1 : 0;
      expect([one.memory.cached, sister.memory.cached, other.memory.cached]).toEqual([
        1,
        seen,
        seen,
      ]);
    }
    await Promise.all([child.stop(), sister.stop()]);
  });
});
