/** Workflows that are declared as graphs: what is ready begins side by side, what is not wanted is skipped, each once. */
import { graph, type JobHandlers, workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { rpc } from "#harness/callers";
import { openRealDatabase, type TestDatabase } from "#harness/database";
import { jobOf } from "../jobs/working.ts";
import { makeStage } from "./running.ts";

let db: TestDatabase;
let stage: Awaited<ReturnType<typeof makeStage>>;
beforeAll(async () => {
  db = await openRealDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  stage = await makeStage(db.sql);
  did.length = 0;
});

const did: string[] = [];
const input = z.object({ urls: z.array(z.string()), post: z.boolean().default(false) });
const digest = graph("digest", input, {
  read: { map: "input.urls", result: z.object({ size: z.number() }) },
  title: { result: z.string() },
  join: { needs: ["read", "title"], result: z.string() },
  post: {
    needs: ["join"],
    when: '$.input.post == true && $.title != "" && $.join != ""',
    optional: ["title"],
  },
  after: { needs: ["post"] },
  tell: { needs: ["join"], optional: ["after"], result: z.string() },
});
const handlers = digest.handlers({
  read: ({ item, index }) => {
    did.push(`read ${index}`);
    return { size: item.length };
  },
  title: ({ input: { urls, post } }) => {
    did.push("title");
    return `${urls.length} of ${post}`;
  },
  join: ({ read, title }) => {
    did.push("join");
    return `${title}: ${read.map(({ size }) => size).join("+")}`;
  },
  post: ({ join }) => {
    did.push(`post ${join}`);
    return "posted";
  },
  after: ({ post }) => did.push(`after ${post}`),
  tell: ({ join, after }) => `${join}, ${after === null ? "skipped" : "done"}`,
});
const endOf = async (id: string) => {
  const { status, result, error } = await stage.query(id);
  return status === "succeeded" ? result : [status, error?.code, error?.message];
};
const namesOf = async (id: string) => {
  const { checkpoints } = await stage.call<{ checkpoints: { name: string }[] }>(
    "workflow_history",
    { id },
  );
  return checkpoints.map(({ name }) => name);
};
const stepJob = async (id: string, step: string) => {
  const [job] = await db.sql<{ id: string }[]>`
    select id from mayfly.finished_jobs where parent_id = ${id} and key = ${`${id}/${step}`}`;
  return job?.id ?? "";
};

describe("a graph", () => {
  it("does what is ready, each once, and gives what no other step needs", async () => {
    const id = await stage.start(digest, { urls: ["a", "bb", "ccc"], post: true });
    await stage.drain(handlers);
    expect(await endOf(id)).toEqual({ tell: "3 of true: 1+2+3, done" });
    expect([...did].sort()).toEqual([
      "after posted",
      "join",
      "post 3 of true: 1+2+3",
      "read 0",
      "read 1",
      "read 2",
      "title",
    ]);
    expect(await stage.query(id)).toMatchObject({ children: { succeeded: 8 }, attempt: 6 });
    expect(await db.sql`select from mayfly.job_signals where job_id = ${id}`).toEqual([]);
    expect((await namesOf(id)).filter((name) => !name.includes("["))).toEqual(
      expect.arrayContaining(["read: begun", "title: begun", "title", "read", "join", "tell"]),
    );
  });

  it("skips a step whose condition is not true, and what needs it", async () => {
    const id = await stage.start(digest, { urls: ["a"] });
    await stage.drain(handlers);
    expect(await endOf(id)).toEqual({ tell: "1 of false: 1, skipped" });
    const [after] = await db.sql`
      select result from mayfly.job_steps where job_id = ${id} and name = 'after'`;
    expect(after?.result).toEqual({ status: "skipped" });
  });

  it("maps over nothing, and says what is no list", async () => {
    const id = await stage.start(digest, { urls: [] });
    await stage.drain(handlers);
    expect(await endOf(id)).toEqual({ tell: "0 of false: , skipped" });
    const odd = graph("odd", null, { each: { map: "input.list" } });
    const wrong = await stage.start(odd, { list: "no" });
    await stage.drain(odd.handlers({ each: () => 1 }));
    expect(await endOf(wrong)).toEqual([
      "failed",
      "job_failed",
      expect.stringMatching(/each.*input\.list/),
    ]);
  });

  it("runs workflows and jobs as its steps, gives them what it says, and gives a part of a result", async () => {
    const square = workflow("square", z.object({ n: z.number() }), (ctx, { n }) =>
      ctx.step("multiply", () => n * n),
    );
    const maths = graph(
      "maths",
      z.object({ items: z.array(z.object({ n: z.number() })) }),
      {
        squares: { map: "input.items", child: square },
        sum: { needs: ["squares"], result: z.object({ sum: z.object({ n: z.number() }) }) },
        again: { needs: ["sum"], child: square, input: "sum.sum" },
        plain: { needs: ["again"], child: "echo", input: "again" },
        none: { child: "echo" },
      },
      { result: "sum.sum" },
    );
    const id = await stage.start(maths, { items: [{ n: 2 }, { n: 3 }] });
    const echoed: unknown[] = [];
    await stage.drain({
      ...square.handlers,
      ...maths.handlers({
        sum: ({ squares }) => ({ sum: { n: squares.reduce((sum, n) => sum + n, 0) } }),
      }),
      echo: (given: unknown) => echoed.push(given),
    });
    expect(await endOf(id)).toEqual({ n: 13 });
    expect(echoed).toEqual(expect.arrayContaining([169, {}]));
  });

  it("of 500 items begins them all at once, keeps their order, and wakes few times", async () => {
    const many = graph("many", null, {
      square: { map: "input.items" },
      sum: { needs: ["square"] },
    });
    const items = Array.from({ length: 500 }, (_, n) => n);
    const id = await stage.start(many, { items });
    await stage.drain(
      many.handlers({
        square: ({ item }) => Number(item) ** 2,
        sum: ({ square }) => [square.length, square[499]],
      }),
    );
    expect(await endOf(id)).toEqual({ sum: [500, 499 ** 2] });
    expect((await stage.query(id)).attempt).toBeLessThan(20);
  });

  it("reads what is large from its steps, and refuses a child more than a job may be given", async () => {
    const large = graph("large", null, {
      make: { map: "input.sizes" },
      sum: { needs: ["make"] },
      send: { needs: ["make"], when: "$.input.send == true", child: "echo", input: "make" },
    });
    const code = large.handlers({
      make: ({ item }) => "x".repeat(Number(item)),
      sum: ({ make }) => (make as string[]).map(({ length }) => length),
    });
    const id = await stage.start(large, { sizes: [200_000, 100_000] });
    await stage.drain(code);
    expect(await endOf(id)).toEqual({ sum: [200_000, 100_000], send: null });
    const wrong = await stage.start(large, { sizes: [200_000, 100_000], send: true });
    await stage.drain(code);
    expect(await endOf(wrong)).toEqual([
      "failed",
      "job_failed",
      expect.stringMatching(/send.*256 KB/),
    ]);
  });

  it("is gone on with wherever a process dies, and does nothing twice that was recorded", async () => {
    const calls = new Set<string>();
    await stage.drain(handlers);
    const whole = await stage.start(digest, { urls: ["a", "b"], post: true });
    await stage.die(handlers, (name) => !calls.add(name));
    expect(await endOf(whole)).toEqual({ tell: "2 of true: 1+1, done" });
    for (const call of ["advance_graph", "turn_jobs", "complete_jobs"]) {
      if (!calls.has(call)) continue;
      const id = await stage.start(digest, { urls: ["a", "b"], post: true });
      for (let at = 1; ; at++) {
        let seen = 0;
        if (!(await stage.die(handlers, (name) => name === call && ++seen === at))) break;
      }
      await stage.drain(handlers);
      expect(await endOf(id)).toEqual({ tell: "2 of true: 1+1, done" });
      expect((await stage.query(id)).children).toEqual({ succeeded: 7 });
    }
  });
});

describe("a step of a graph that fails", () => {
  const flaky = (broken: () => boolean, onFailure?: "skip") =>
    graph("flaky", null, {
      one: { map: "input.items", maxAttempts: 1, ...(onFailure && { onFailure }) },
      two: { needs: ["one"] },
    }).handlers({
      one: ({ item }) => {
        if (item === 2 && broken()) throw new Error("No.");
        return item;
      },
      two: ({ one }) => one,
    });
  const items = { items: [1, 2, 3] };

  it("fails the run for good, which goes on when both are redriven", async () => {
    let isBroken = true;
    const code = flaky(() => isBroken);
    const id = await stage.start({ job: "workflow:flaky:1" }, items);
    await stage.drain(code);
    expect(await endOf(id)).toEqual(["failed", "job_failed", "The step one failed: No."]);
    isBroken = false;
    await stage.call("redrive_jobs", { ids: [await stepJob(id, "one[1]"), id] });
    await stage.drain(code);
    expect(await endOf(id)).toEqual({ two: [1, 2, 3] });
  });

  it("counts as skipped where it says so, and an item as null", async () => {
    const id = await stage.start({ job: "workflow:flaky:1" }, items);
    await stage.drain(flaky(() => true, "skip"));
    expect(await endOf(id)).toEqual({ two: [1, null, 3] });
  });

  it("whose job is discarded says so, instead of waiting for ever", async () => {
    const code = flaky(() => true);
    const id = await stage.start({ job: "workflow:flaky:1" }, items);
    await stage.drain(code);
    await stage.call("discard_jobs", { ids: [await stepJob(id, "one[1]")] });
    await stage.call("redrive_jobs", { ids: [id] });
    await stage.drain(code);
    expect(await endOf(id)).toEqual([
      "failed",
      "job_failed",
      expect.stringMatching(/one has lost its job/),
    ]);
  });

  it("does not fit what it says it gives", async () => {
    const typed = graph("typed", null, { one: { result: z.number() } });
    const id = await stage.start(typed);
    await stage.drain(typed.handlers({ one: () => "two" as never }));
    expect(await endOf(id)).toEqual(["failed", "job_failed", expect.stringMatching(/one.*result/)]);
  });
});

describe("a graph that is declared", () => {
  const wire = { steps: { a: {}, b: { needs: ["a"] } } };
  const set = (graph: object, name = "plan", version = "1", by = stage.admin) =>
    rpc<Record<string, unknown>>(db.sql, by, "set_graph", { name, version, graph: graph as never });

  it.each<[string, Record<string, object>, RegExp]>([
    [
      "a circle",
      { a: { needs: ["c"] }, b: { needs: ["a"] }, c: { needs: ["b"] }, d: { needs: ["c"] } },
      /a, b, c need each other in a circle/,
    ],
    ["itself", { a: { optional: ["a"] } }, /a need each other in a circle/],
    ["a need that is not there", { a: { needs: ["z"] } }, /steps\.a\.needs.*z/],
    ["a map of what it does not need", { a: {}, b: { map: "a.list" } }, /steps\.b\.map.*"a/],
    [
      "a condition on what it does not need",
      { a: {}, b: { when: "$.a == 1" } },
      /steps\.b\.when.*a/,
    ],
    ["a name of its own", { input: {} }, /steps\.input\.name/],
    ["no step", {}, /1 to 200 steps/],
  ])(
    "is refused with %s, by the SDK where it is declared and by the database",
    async (_, steps, why) => {
      expect(() => graph("plan", null, steps as never)).toThrow(why);
      await expect(set({ steps })).rejects.toThrow(why);
    },
  );

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
    [{ steps: { a: { input: "input" } } }, /goes with job/],
    [{ steps: { a: { job: "no job" } } }, /steps\.a\.job/],
    [{ steps: { a: { on_failure: "laugh" } } }, /on_failure/],
    [{ steps: { a: { other: 1 } } }, /steps\.a\.other is no field/],
    [{ steps: { a: {} }, result: "b" }, /graph\.result/],
    [{ steps: { a: {} }, more: 1 }, /graph must be/],
    [{ steps: [] }, /graph\.steps/],
  ])("is refused by the database: %j", async (given, why) => {
    await expect(set(given)).rejects.toThrow(why);
    expect(await stage.call("list_graphs")).toEqual([]);
  });

  it("is kept by its version, and charged; another one takes its place only while nothing runs", async () => {
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
    await expect(set(other)).rejects.toThrow(/runs under way/);
    await expect(stage.call("delete_graph", { name: "plan", version: "1" })).rejects.toThrow(
      /runs under way/,
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

  it("is kept by the first worker; one that has another graph for the version does nothing", async () => {
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
      expect.stringMatching(/another graph/),
    ]);
    expect(did).toEqual([]);
    // To a version of its own, which names what was renamed.
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

  it("does a step again that is forgotten, with all its items", async () => {
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

  it("is cancelled with all that it has begun", async () => {
    const id = await stage.start(digest, { urls: ["a", "b"] });
    await stage.drain({ "workflow:digest:1": handlers["workflow:digest:1"] } as JobHandlers);
    expect(await stage.query(id)).toMatchObject({ status: "waiting", children: { ready: 3 } });
    expect(await stage.call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 4, cancelling: 0 });
    expect((await stage.query(id)).children).toEqual({ cancelled: 3 });
  });
});
