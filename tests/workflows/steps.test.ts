/** Invariants 3 and 6 for workflows: a step is recorded once, and an attempt continues after what is recorded. */
import { workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { claimOne, endLeases } from "../jobs/working.ts";
import { makeStage } from "./running.ts";

let db: TestDatabase;
let stage: Awaited<ReturnType<typeof makeStage>>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  stage = await makeStage(db);
});

type History = { checkpoints: { seq: number; name: string; result: unknown }[]; more: boolean };
const history = (id: string, more: Record<string, unknown> = {}) =>
  stage.call<History>("workflow_history", { id, ...more });
const failOnce = () => {
  let isFirst = true;
  return (why: string) => {
    if (!isFirst) return;
    isFirst = false;
    throw new Error(why);
  };
};

describe("a step of a workflow", () => {
  it("is recorded once, wherever the process dies, and its key stays the same", async () => {
    let ran: string[] = [];
    const order = workflow("order", null, async (ctx, input: { n: number }) => {
      const one = await ctx.step("one", ({ idempotencyKey }) => {
        ran.push("one");
        return idempotencyKey;
      });
      const two = await ctx.map("two", [1, 2], (n, each) => each.step("double", () => n * input.n));
      await ctx.sleep(0);
      const first = await ctx.any("go", { go: ctx.signal<number>("go"), late: ctx.sleep("1h") });
      return { one, two, at: await ctx.now(), luck: await ctx.random(), first };
    });
    const writes = ["record_steps", "wait_any", "complete_jobs"];
    let deaths = 0;
    for (let at = 1; ; at++) {
      ran = [];
      const id = await stage.start(order, { n: 5 });
      await stage.signal(id, "go", at);
      let calls = 0;
      const died = await stage.die(order.handlers, (name, values) => {
        const isEnding = name === "turn_jobs" && (values as { done: [] }).done.length > 0;
        return (writes.includes(name) || isEnding) && ++calls === at;
      });
      const recorded = (await history(id)).checkpoints;
      await stage.drain(order.handlers);
      const { status, result } = await stage.query(id);
      expect(status).toBe("succeeded");
      expect(result).toMatchObject({
        one: `${id}/one`,
        two: [5, 10],
        first: { key: "go", value: at },
      });
      // Records from before the death are unchanged, and only unrecorded steps run again.
      expect((await history(id)).checkpoints.slice(0, recorded.length)).toEqual(recorded);
      expect(ran.length).toBe(died && !recorded.some(({ name }) => name === "one") ? 2 : 1);
      if (!died) break;
      deaths++;
    }
    // There are seven writes, or fewer if some are sent together.
    expect(deaths).toBeGreaterThan(4);
  });

  it("that throws fails the attempt, and runs again in the next one", async () => {
    const throwOnce = failOnce();
    const flaky = workflow("flaky", null, async (ctx) => {
      const [one, two] = await Promise.all([
        ctx.step("one", () => 1),
        ctx.step("two", () => {
          throwOnce("Not yet.");
          return 2;
        }),
      ]);
      return one + two;
    });
    const id = await stage.start(flaky, {}, { backoff: { base: 0 } });
    await stage.drain(flaky.handlers);
    expect(await stage.query(id)).toMatchObject({ status: "succeeded", result: 3, attempt: 2 });
  });

  it("that throws does not run again if the workflow caught the error and continued, even after a sleep", async () => {
    let tries = 0;
    const careful = workflow("careful", null, async (ctx) => {
      const said = await ctx
        .step("primary", () => {
          tries++;
          throw Object.assign(new RangeError("Too far."), { code: "far" });
        })
        .catch(({ name, message, code }) => [name, message, code]);
      await ctx.step("fallback", () => null);
      await ctx.signal("go");
      return said;
    });
    const id = await stage.start(careful);
    await stage.drain(careful.handlers);
    await stage.signal(id, "go");
    await stage.drain(careful.handlers);
    expect((await stage.query(id)).result).toEqual(["RangeError", "Too far.", "far"]);
    expect(tries).toBe(1);
  });

  it("is retried if its recorded failure later fails the attempt", async () => {
    const throwOnce = failOnce();
    const late = workflow("late", null, async (ctx) => {
      const [one] = await Promise.allSettled([ctx.step("one", () => throwOnce("Not yet."))]);
      await ctx.step("two", () => 2);
      if (one?.status === "rejected") throw one.reason;
      return "done";
    });
    const id = await stage.start(late, {}, { backoff: { base: 0 } });
    await stage.drain(late.handlers);
    expect(await stage.query(id)).toMatchObject({ status: "succeeded", result: "done" });
  });

  it("needs its own name, and a second step with that name fails the run", async () => {
    const twice = workflow("twice", null, (ctx) =>
      ctx.map("each", [1, 2], () => ctx.step("same", () => 1)),
    );
    const id = await stage.start(twice);
    await stage.drain(twice.handlers);
    expect(await stage.query(id)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "invalid_request" },
    });
  });
});

describe("a run that continues", () => {
  it.each([
    [10, 0],
    [5_000, 1],
  ])("after %i steps reads them in %i calls, in addition to the claim", async (count, reads) => {
    const long = workflow("long", null, async (ctx) => {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += await ctx.step(`s${n}`, () => -1);
      return ctx.step("last", () => sum);
    });
    const id = await stage.start(long);
    const { lease } = await claimOne(db.sql, stage.agent.claims, { names: [long.job] });
    for (let n = 0; n < count; n += 1_000) {
      const steps = Array.from({ length: Math.min(1_000, count) }, (_, at) => ({
        name: `s${n + at}`,
        result: n + at,
      }));
      await stage.call("record_steps", { lease, steps }, stage.agent.claims);
    }
    const calls: Record<string, number> = {};
    const counted = (name: string) => {
      calls[name] = (calls[name] ?? 0) + 1;
      return false;
    };
    await endLeases(db);
    await stage.die(long.handlers, counted);
    expect((await stage.query(id)).result).toBe((count * (count - 1)) / 2);
    expect({ read_steps: 0, ...calls }).toMatchObject({ read_steps: reads, record_steps: 1 });
  });
});

describe("a workflow", () => {
  it("fails for good with an input or a result that does not match its schema", async () => {
    const strict = workflow("strict", z.object({ n: z.number() }), (_, { n }) => n, {
      result: z.number().max(3),
    });
    const [bad, large, good] = [
      await stage.start(strict, { n: "one" }),
      await stage.start(strict, { n: 4 }),
      await stage.start(strict, { n: 3 }),
    ];
    await stage.drain(strict.handlers);
    expect(await stage.query(bad)).toMatchObject({ status: "failed", attempt: 1 });
    expect((await stage.query(bad)).error?.message).toMatch(/input\.n/);
    expect((await stage.query(large)).error?.message).toMatch(/result/);
    expect((await stage.query(good)).result).toBe(3);
  });

  it("reports its progress and its records in order", async () => {
    const long = workflow("long", null, async (ctx) => {
      for (const n of [1, 2, 3]) {
        await ctx.step(`part ${n}`, () => n);
        await ctx.report({ done: n });
      }
      await ctx.signal("go");
    });
    const id = await stage.start(long);
    await stage.drain(long.handlers);
    expect(await stage.query(id)).toMatchObject({
      status: "waiting",
      name: "long",
      version: "1",
      report: { done: 3 },
      steps: 3,
      waits_for: ["go"],
    });
    await stage.signal(id, "go", { by: "me" });
    await stage.drain(long.handlers);
    const all = (await history(id)).checkpoints;
    expect(all.map(({ name }) => name)).toEqual([
      "part 1",
      "report",
      "part 2",
      "part 3",
      "signal: go",
    ]);
    const first = await history(id, { page_limit: 2 });
    expect(first.more).toBe(true);
    const rest = await history(id, { after: first.checkpoints[1]?.seq });
    expect([...first.checkpoints, ...rest.checkpoints]).toEqual(all);
    expect(rest.more).toBe(false);
    const listed = await stage.call<{ id: string }[]>("list_workflows", { of_name: "long" });
    expect(listed).toMatchObject([{ id, status: "succeeded" }]);
    expect(await stage.call("list_workflows", { of_name: "lon" })).toEqual([]);
    const within = async (since: string | null, until: string | null) =>
      (await stage.call<{ id: string }[]>("list_workflows", { of_name: "long", since, until }))
        .length;
    const [past, future] = ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
    expect(await Promise.all([within(past, null), within(past, future)])).toEqual([1, 1]);
    expect(await Promise.all([within(null, past), within(future, null)])).toEqual([0, 0]);
  });

  it("refuses names that are invalid for jobs", () => {
    expect(() => workflow("a b", null, () => 1)).toThrow(/name/);
    expect(() => workflow("a", null, () => 1, { version: "1:2" })).toThrow(/version/);
  });
});
