/** The declaration of graphs: which ones are refused, how versions are kept, and how runs are moved. */
import { graph, type JobHandlers } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { jobOf } from "../jobs/working.ts";
import { makeStage } from "./running.ts";

let db: TestDatabase;
let stage: Awaited<ReturnType<typeof makeStage>>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  stage = await makeStage(db);
  did.length = 0;
});

const did: string[] = [];
const endOf = async (id: string) => {
  const { status, result, error } = await stage.query(id);
  return status === "succeeded" ? result : [status, error?.code, error?.message];
};

describe("a graph that is declared", () => {
  const wire = { steps: { a: {}, b: { needs: ["a"] } } };
  const set = (graph: object, name = "plan", version = "1", by = stage.admin) =>
    rpc<Record<string, unknown>>(db.sql, by, "set_graph", { name, version, graph: graph as never });

  it.each<[string, Record<string, object>, RegExp]>([
    [
      "a cycle",
      { a: { needs: ["c"] }, b: { needs: ["a"] }, c: { needs: ["b"] }, d: { needs: ["c"] } },
      /a, b, c need each other in a cycle/,
    ],
    ["a step that needs itself", { a: { optional: ["a"] } }, /a need each other in a cycle/],
    ["a need that does not exist", { a: { needs: ["z"] } }, /steps\.a\.needs.*z/],
    ["a map over a step that is not needed", { a: {}, b: { map: "a.list" } }, /steps\.b\.map.*"a/],
    [
      "a condition on a step that is not needed",
      { a: {}, b: { when: "$.a == 1" } },
      /steps\.b\.when.*a/,
    ],
    ["a reserved name", { input: {} }, /steps\.input\.name/],
    ["no step", {}, /1 to 200 steps/],
  ])("is refused with %s, by the SDK and by the database", async (_, steps, why) => {
    expect(() => graph("plan", null, steps as never)).toThrow(why);
    await expect(set({ steps })).rejects.toThrow(why);
  });

  it.each<[object, RegExp]>([
    [{ steps: { a: { when: '$.input like_regex "a"' } } }, /like_regex/],
    [{ steps: { a: { when: "strict $.input" } } }, /steps\.a\.when/],
    [{ steps: { a: { when: "$[*]" } } }, /steps\.a\.when/],
    [{ steps: { a: { when: "$.input ==" } } }, /steps\.a\.when/],
    [
      { steps: { a: { options: { timeout: "soon" } } } },
      /steps\.a\.options\.timeout must be seconds/,
    ],
    [{ steps: { a: { options: { key: "one" } } } }, /steps\.a\.options/],
    [{ steps: { a: { input: "input" } } }, /input needs job/],
    [{ steps: { a: { job: "no job" } } }, /steps\.a\.job/],
    [{ steps: { a: { on_failure: "laugh" } } }, /on_failure/],
    [{ steps: { a: { other: 1 } } }, /steps\.a\.other is not a field/],
    [{ steps: { a: {} }, result: "b" }, /graph\.result/],
    [{ steps: { a: {} }, more: 1 }, /graph must be/],
    [{ steps: [] }, /graph\.steps/],
  ])("is refused by the database: %j", async (given, why) => {
    await expect(set(given)).rejects.toThrow(why);
    expect(await stage.call("list_graphs")).toEqual([]);
  });

  it("is kept by version and charged, and can be replaced only while nothing runs", async () => {
    const bytes = async () => (await stage.call<{ bytes: number }>("usage")).bytes;
    const before = await bytes();
    await set(wire);
    const used = (await bytes()) - before;
    expect(used).toBeGreaterThan(500);
    await set(wire);
    expect(await bytes()).toBe(before + used);
    const other = { steps: { a: {} } };
    await expect(set(other, "plan", "1", stage.agent.claims)).rejects.toThrow(/another graph/);
    const kept = await bytes();
    const id = await stage.start({ job: "workflow:plan:1" });
    const held = (await bytes()) - kept;
    await expect(set(other)).rejects.toThrow(/open runs/);
    await expect(stage.call("delete_graph", { name: "plan", version: "1" })).rejects.toThrow(
      /open runs/,
    );
    await stage.call("cancel_jobs", { ids: [id] });
    await set(other);
    await set(wire, "plan", "2");
    expect(await stage.call("list_graphs")).toMatchObject([
      { name: "plan", version: "2", steps: 2 },
      { name: "plan", version: "1", steps: 1 },
    ]);
    expect(await stage.call("get_graph", { name: "plan" })).toMatchObject({
      version: "2",
      graph: wire,
    });
    for (const version of ["1", "2"])
      expect(await stage.call("delete_graph", { name: "plan", version })).toEqual({
        deleted: true,
      });
    expect(await bytes()).toBe(before + held);
    await expect(stage.call("get_graph", { name: "plan" })).rejects.toThrow(/no such graph/);
  });

  it("is registered by the first worker, and a worker with another graph for the version does nothing", async () => {
    const id = await stage.start({ job: "workflow:order:1" }, {}, { max_attempts: 1 });
    const began = graph("order", null, { pay: {}, ship: { needs: ["pay"] } });
    await stage.drain({
      "workflow:order:1": began.handlers({ pay: () => 1, ship: () => 2 })["workflow:order:1"],
    } as JobHandlers);
    expect((await stage.query(id)).status).toBe("waiting");
    const renamed = graph("order", null, { charge: {}, ship: { needs: ["charge"] } });
    const code = renamed.handlers({ charge: () => did.push("charge"), ship: () => 2 });
    await stage.drain({ ...code, "step:order:1:pay": () => 1 });
    expect(await endOf(id)).toEqual([
      "failed",
      "workflow_changed",
      expect.stringMatching(/not the graph that this worker has/),
    ]);
    expect(did).toEqual([]);
    // The run is moved to another version, in which the steps have new names.
    const second = graph(
      "order",
      null,
      { charge: {}, ship: { needs: ["charge"] } },
      { version: "2" },
    );
    const next = second.handlers({
      charge: () => did.push("charge"),
      ship: ({ charge }) => `of ${charge}`,
    });
    await stage.call("move_workflow", { id, to_version: "2" });
    await stage.drain(next);
    expect((await jobOf(db.sql, stage.tenant, id))?.error).toMatchObject({
      code: "workflow_changed",
    });
    expect(did).toEqual([]);
    await stage.call("move_workflow", { id, to_version: "2", renamed: { pay: "charge" } });
    await stage.drain(next);
    expect(await endOf(id)).toEqual({ ship: "of 1" });
    expect(did).toEqual([]);
  });

  it("repeats a forgotten step with all its items", async () => {
    const code = (bad: boolean) =>
      graph("again", null, {
        each: { map: "input.items" },
        end: { needs: ["each"], maxAttempts: 1 },
      }).handlers({
        each: ({ item }) => did.push(`each ${item}`),
        end: ({ each }) => {
          if (bad) throw new Error("No.");
          return (each as unknown[]).length;
        },
      });
    const id = await stage.start({ job: "workflow:again:1" }, { items: [1, 2] });
    await stage.drain(code(true));
    expect((await stage.query(id)).status).toBe("failed");
    await stage.call("move_workflow", { id, to_version: "1", forgotten: ["each", "end"] });
    await stage.drain(code(false));
    expect(await endOf(id)).toEqual({ end: 2 });
    expect([...did].sort()).toEqual(["each 1", "each 1", "each 2", "each 2"]);
  });
});
