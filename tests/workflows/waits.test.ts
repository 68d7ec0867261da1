/** Invariant 5 for workflows: signals, timers, children and approvals are rows, and the first of several is recorded. */
import { workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { claimOne } from "../jobs/working.ts";
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

const resultOf = async (id: string) => (await stage.query(id)).result;

describe("a signal to a workflow", () => {
  const two = workflow("two", null, async (ctx) => [
    await ctx.signal("go"),
    await ctx.step("between", () => "done"),
    await ctx.signal("go"),
  ]);

  it("is kept if it comes before, during or after the wait, and each one is used once", async () => {
    const id = await stage.start(two);
    await stage.signal(id, "go", 1);
    await stage.drain(two.handlers);
    expect(await stage.query(id)).toMatchObject({ status: "waiting", waits_for: ["go"] });
    expect(await stage.signal(id, "go", 2)).toEqual({ woken: true });
    expect(await stage.signal(id, "go", 3)).toEqual({ woken: false });
    await stage.drain(two.handlers);
    expect(await resultOf(id)).toEqual([1, "done", 2]);
  });

  it("goes to one of two waiting branches, and the next signal goes to the other branch", async () => {
    const both = workflow("both", null, (ctx) =>
      Promise.all([ctx.signal("go"), ctx.signal("go"), ctx.step("work", () => 1)]),
    );
    const id = await stage.start(both);
    await stage.signal(id, "go", "a");
    await stage.drain(both.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    await stage.signal(id, "go", "b");
    await stage.drain(both.handlers);
    expect(await resultOf(id)).toEqual(["a", "b", 1]);
  });
});

describe("the first of several", () => {
  const race = workflow("race", null, async (ctx) => {
    const late = ctx.signal<number>("late");
    const first = await ctx.any("first", { soon: ctx.signal<number>("soon"), late });
    return [first.key, first.value, await late];
  });

  it("is the earliest one, is recorded, and leaves the others for later", async () => {
    const id = await stage.start(race);
    await stage.signal(id, "late", 1);
    await stage.signal(id, "soon", 2);
    await stage.drain(race.handlers);
    // The winner is awaited again, and gives the same result.
    expect(await resultOf(id)).toEqual(["late", 1, 1]);
    const [kept] = await db.sql`select name from mayfly.job_signals where job_id = ${id}`;
    expect(kept?.name).toBe("soon");
  });

  it("is a timer that ended before the signal came, even if nobody looked in between", async () => {
    const timed = workflow("timed", null, (ctx) =>
      ctx.any("first", { go: ctx.signal("go"), over: ctx.sleep("1m") }),
    );
    const late = await stage.start(timed);
    const early = await stage.start(timed);
    await stage.drain(timed.handlers);
    await stage.signal(early, "go");
    await db.advance("2 minutes");
    await stage.signal(late, "go");
    await stage.drain(timed.handlers);
    expect(await resultOf(late)).toMatchObject({ key: "over" });
    expect(await resultOf(early)).toMatchObject({ key: "go" });
  });
});

describe("a sleep", () => {
  it("ends at its time, counted from its start, on any worker", async () => {
    const nap = workflow("nap", null, async (ctx) => {
      await ctx.sleep("1h");
      await ctx.sleep("30m");
      return "rested";
    });
    const id = await stage.start(nap);
    await stage.drain(nap.handlers);
    await db.advance("59 minutes");
    await stage.drain(nap.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    await db.advance("2 minutes");
    await stage.drain(nap.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    // The clock jumps far ahead, and the wait ends once.
    await db.advance("300 days");
    await stage.drain(nap.handlers);
    expect(await resultOf(id)).toBe("rested");
  });

  it("ends once, and not before its time, if the clock jumps back", async () => {
    const nap = workflow("back", null, async (ctx) => {
      const first = await ctx.any("first", { over: ctx.sleep("1h"), go: ctx.signal("go") });
      return [first.key, await ctx.signal("go")];
    });
    const id = await stage.start(nap);
    await stage.drain(nap.handlers);
    await db.advance("59 minutes");
    await stage.drain(nap.handlers);
    await db.advance("-30 minutes");
    await stage.drain(nap.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    await db.advance("32 minutes");
    await stage.drain(nap.handlers);
    await db.advance("-2 hours");
    await stage.signal(id, "go", "late");
    await stage.drain(nap.handlers);
    // What had ended stays ended, whatever the clock says later.
    expect(await resultOf(id)).toEqual(["over", "late"]);
    await db.advance("91 minutes");
  });

  it("of one branch does not delay another one", async () => {
    const done: number[] = [];
    const mixed = workflow("mixed", null, (ctx) =>
      Promise.all([
        ctx.sleep("1h"),
        (async () => {
          for (const n of [1, 2, 3])
            await ctx.step(`part ${n}`, async () => {
              await new Promise((resolve) => setImmediate(resolve));
              done.push(n);
            });
          await ctx.signal("go");
        })(),
      ]),
    );
    const id = await stage.start(mixed);
    await stage.drain(mixed.handlers);
    expect(done).toEqual([1, 2, 3]);
    expect((await stage.query(id)).waits_for).toEqual(["go"]);
    await stage.signal(id, "go");
    await stage.drain(mixed.handlers);
    await db.advance("2 hours");
    await stage.drain(mixed.handlers);
    expect((await stage.query(id)).status).toBe("succeeded");
  });
});

describe("the waits of wait_any", () => {
  it("must be valid, under a current lease", async () => {
    const plain = workflow("plain", null, () => null);
    await stage.start(plain);
    const { lease } = await claimOne(db.sql, stage.agent.claims);
    const wait = (waits: unknown, more = {}) =>
      rpc(db.sql, stage.agent.claims, "wait_any", { lease, waits, ...more });
    const refused = async (work: Promise<unknown>) =>
      JSON.parse(
        await work.then(
          () => "{}",
          (error) => error.message,
        ),
      ) as { message?: string };
    for (const [waits, why] of [
      [[], /1 to 10000/],
      [[{ step: "", signal: "a" }], /waits\[0\]\.step/],
      [[{ step: "a", signal: "a", child: true }], /waits\[0\]\.signal/],
      [
        [
          { step: "a", after: 1 },
          { step: "b", after: -1 },
        ],
        /waits\[1\]\.after/,
      ],
      [[{ step: "a", signal: "a", of: "b" }], /waits\[0\]\.of/],
      [[{ step: "a", until: "soon" }], /waits\[0\]\.until/],
      [[{ step: "a", approval: "mine" }], /waits\[0\]\.approval/],
    ] as const)
      expect((await refused(wait(waits))).message).toMatch(why);
    expect(await wait([{ step: "w", child: true }])).toMatchObject({
      missing: ["w"],
      waiting: false,
    });
    expect(await wait([{ step: "w", signal: "a" }], { may_sleep: false })).toMatchObject({
      done: {},
      waiting: false,
    });
    expect(await wait([{ step: "w", signal: "a" }])).toMatchObject({ waiting: true });
    expect((await refused(wait([{ step: "w", signal: "a" }]))).message).toMatch(/lease/);
  });
});
