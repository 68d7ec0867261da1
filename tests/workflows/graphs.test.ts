/** Workflows declared as graphs: ready steps start in parallel, skipped steps do not run, and each step runs once. */
import { graph, type JobHandlers, workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "#harness/database";
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
  it("runs each step once when it is ready, and returns the results that no other step needs", async () => {
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

  it("skips a step if its condition is not true, and skips steps that need it", async () => {
    const id = await stage.start(digest, { urls: ["a"] });
    await stage.drain(handlers);
    expect(await endOf(id)).toEqual({ tell: "1 of false: 1, skipped" });
    const [after] = await db.sql`
      select result from mayfly.job_steps where job_id = ${id} and name = 'after'`;
    expect(after?.result).toEqual({ status: "skipped" });
  });

  it("maps over an empty list, and says what is not a list", async () => {
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

  it("runs workflows and jobs as steps with the inputs that it names, and returns a part of a result", async () => {
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

  it("with a map of 500 items starts all items at once, keeps their order, and wakes only a few times", async () => {
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

  it("reads large results from its steps, and refuses an input that is too large for a child", async () => {
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

  it("continues wherever a process dies, and repeats nothing that was recorded", async () => {
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

  it("is cancelled with everything that it has started", async () => {
    const id = await stage.start(digest, { urls: ["a", "b"] });
    await stage.drain({ "workflow:digest:1": handlers["workflow:digest:1"] } as JobHandlers);
    expect(await stage.query(id)).toMatchObject({ status: "waiting", children: { ready: 3 } });
    expect(await stage.call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 4, cancelling: 0 });
    expect((await stage.query(id)).children).toEqual({ cancelled: 3 });
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

  it("fails the run for good, and both continue when they are redriven", async () => {
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

  it("counts as skipped if the graph says so, and a failed item of a map as null", async () => {
    const id = await stage.start({ job: "workflow:flaky:1" }, items);
    await stage.drain(flaky(() => true, "skip"));
    expect(await endOf(id)).toEqual({ two: [1, null, 3] });
  });

  it("fails the run if its job is discarded, so that the run does not wait forever", async () => {
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

  it("fails if its result does not match its schema", async () => {
    const typed = graph("typed", null, { one: { result: z.number() } });
    const id = await stage.start(typed);
    await stage.drain(typed.handlers({ one: () => "two" as never }));
    expect(await endOf(id)).toEqual(["failed", "job_failed", expect.stringMatching(/one.*result/)]);
  });
});
