/**
 * Children of workflows are added once, report once and are cancelled with their parent. Also maps over many
 * children.
 */
import { workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { statusOf } from "../jobs/working.ts";
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

const square = workflow("square", null, (ctx, { n }: { n: number }) =>
  ctx.step("multiply", () => n * n),
);
const childrenOf = (id: string) =>
  db.sql<{ id: string; name: string }[]>`
    select id, name from mayfly.jobs where parent_id = ${id}
    union all select id, name from mayfly.finished_jobs where parent_id = ${id}`;

describe("a child", () => {
  it("starts where it is called, is added once, and returns its result", async () => {
    const begun: string[] = [];
    const parent = workflow("parent", null, async (ctx) => {
      const one = ctx.child(square, { n: 3 });
      const two = ctx.child<string>("echo", { text: "b" });
      await ctx.signal("go");
      return [await one, await two, await ctx.child("echo", { text: "c" })];
    });
    const handlers = {
      ...parent.handlers,
      ...square.handlers,
      echo: ({ text }: { text: string }) => {
        begun.push(text);
        return text;
      },
    };
    const id = await stage.start(parent);
    await stage.drain(handlers);
    expect(begun).toEqual(["b"]);
    await stage.signal(id, "go");
    await stage.drain(handlers);
    expect((await stage.query(id)).result).toEqual([9, "b", "c"]);
    expect((await childrenOf(id)).length).toBe(3);
    expect((await stage.query(id)).children).toEqual({ succeeded: 3 });
  });

  it("that fails is a recorded error, which fails the run for good unless it is caught", async () => {
    const parent = workflow("parent", null, async (ctx, { careful }: { careful: boolean }) => {
      const child = ctx.child("bad", {}, { maxAttempts: 1 });
      return careful ? child.catch(({ code, details }) => [code, details.error.code]) : child;
    });
    const bad = () => {
      throw Object.assign(new Error("No."), { code: "nope" });
    };
    const [careful, careless] = [
      await stage.start(parent, { careful: true }),
      await stage.start(parent, { careful: false }),
    ];
    await stage.drain({ ...parent.handlers, bad });
    expect((await stage.query(careful)).result).toEqual(["job_failed", "nope"]);
    expect(await stage.query(careless)).toMatchObject({
      status: "failed",
      error: { code: "job_failed" },
    });
  });

  it("is cancelled with its parent, and so are its own children", async () => {
    const leaf = workflow("leaf", null, (ctx) => ctx.signal("never"));
    const middle = workflow("middle", null, (ctx) => ctx.child(leaf, {}));
    const top = workflow("top", null, (ctx) => ctx.map("all", [1, 2], () => ctx.child(middle, {})));
    const id = await stage.start(top);
    await stage.drain({ ...leaf.handlers, ...middle.handlers, ...top.handlers });
    const middles = await childrenOf(id);
    const leaves = (await Promise.all(middles.map((one) => childrenOf(one.id)))).flat();
    expect([middles.length, leaves.length]).toEqual([2, 2]);
    expect(await stage.call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 5, cancelling: 0 });
    for (const one of [{ id }, ...middles, ...leaves])
      expect(await statusOf(db.sql, stage.tenant, one.id)).toBe("cancelled");
  });
});

describe("a map", () => {
  it("of 500 children runs all of them, returns their results in order, and wakes only a few times", async () => {
    const many = workflow("many", null, (ctx, { upTo }: { upTo: number }) =>
      ctx.map(
        "square",
        Array.from({ length: upTo }, (_, n) => n),
        (n) => ctx.child("square", { n }),
      ),
    );
    const id = await stage.start(many, { upTo: 500 });
    await stage.drain({ ...many.handlers, square: ({ n }: { n: number }) => n * n });
    const { result, attempt, children } = await stage.query(id);
    expect(result).toEqual(Array.from({ length: 500 }, (_, n) => n * n));
    expect(children).toEqual({ succeeded: 500 });
    expect(attempt).toBeLessThan(20);
    expect(await db.sql`select from mayfly.job_signals where job_id = ${id}`).toEqual([]);
  });

  it("of children with large results reads them from its steps", async () => {
    const large = workflow("large", null, async (ctx) => {
      const texts = await ctx.map("read", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], (n) =>
        ctx.child<string>("text", { n }),
      );
      return texts.map((text) => text.length);
    });
    const id = await stage.start(large);
    await stage.drain({
      ...large.handlers,
      text: ({ n }: { n: number }) => `${n}`.padEnd(200_000 + n, "x"),
    });
    expect((await stage.query(id)).result).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => 200_000 + n),
    );
  });

  it("of steps runs some at the same time, and of an empty list returns an empty list", async () => {
    let now = 0;
    let most = 0;
    const some = workflow("some", null, async (ctx) => {
      const none = await ctx.map("none", [], () => ctx.child("never"));
      const ten = await ctx.map(
        "ten",
        Array.from({ length: 10 }, (_, n) => n),
        (n, each, index) =>
          each.step("wait", async () => {
            most = Math.max(most, ++now);
            await new Promise((resolve) => setImmediate(resolve));
            now--;
            return n + index;
          }),
        { concurrency: 3 },
      );
      return [none, ten];
    });
    const id = await stage.start(some);
    await stage.drain(some.handlers);
    expect((await stage.query(id)).result).toEqual([[], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]]);
    expect(most).toBe(3);
  });

  it("with functions of several steps runs each function as far as possible", async () => {
    const chain = workflow("chain", null, (ctx) =>
      ctx.map("pair", [2, 3], async (n, each) => {
        const once = await each.child<number>("square", { n });
        return each.child<number>("square", { n: once });
      }),
    );
    const id = await stage.start(chain);
    await stage.drain({ ...chain.handlers, square: ({ n }: { n: number }) => n * n });
    expect((await stage.query(id)).result).toEqual([16, 81]);
  });
});
