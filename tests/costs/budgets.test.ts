/** Budgets: reserve, settle and free, and what happens to the reservations of a dead worker. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, codeOf, makePerson, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { complete, endLeases, makeWorker } from "../jobs/working.ts";
import {
  askOf,
  budgets,
  makeSpending,
  release,
  reserve,
  reserveOne,
  runJob,
  setBudget,
  settle,
} from "./spending.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

describe("a hard budget", () => {
  it("reserves what a call may cost, then counts what it did cost", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 1 });
    const held = await reserveOne(db.sql, agent.claims);
    expect(held).toMatchObject({ granted: true, output: 100, usd: 0.3, priced: "exact" });
    expect(await budgets(db.sql, owner)).toMatchObject([{ spent_usd: 0, held_usd: 0.3 }]);
    const usage = { input: 80, cache_read: 20, output: 10, reasoning: 4 };
    expect(await settle(db.sql, agent.claims, { hold: held.id, usage })).toEqual([
      { id: held.id, usd: 0.082, priced: "exact" },
    ]);
    expect(await budgets(db.sql, owner)).toMatchObject([
      { spent_usd: 0.082, held_usd: 0, spent_tokens: 90, held_tokens: 0 },
    ]);
  });

  it("refuses a call that exceeds it, and says which budget and what is left", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 0.5 });
    await setBudget(db.sql, owner, { level: "agent", subject: "analyst", hard_usd: 0.2 });
    const refused = await reserveOne(db.sql, agent.claims, { input: 300 });
    expect(refused).toMatchObject({ code: "budget_exceeded", level: "agent", left_usd: 0.2 });
    expect((await reserveOne(db.sql, agent.claims, { agent: "editor" })).granted).toBe(true);
    expect((await reserveOne(db.sql, agent.claims, { agent: "editor" })).code).toBe(
      "budget_exceeded",
    );
    const told = await db.sql`select type from mayfly.events where type like 'budget.%'`;
    expect(told.filter(({ type }) => type === "budget.refused")).toHaveLength(2);
  });

  it("shortens a call's output to what is left, down to the call's minimum", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 1 });
    const less = await reserveOne(db.sql, agent.claims, { output: 8_192 });
    expect(less).toMatchObject({ granted: true, output: 450, usd: 1 });
    await release(db.sql, agent.claims, { hold: less.id });
    const little = await reserveOne(db.sql, agent.claims, { output: 8_192, output_least: 451 });
    expect(little.code).toBe("budget_exceeded");
  });

  it("of tokens needs no price", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_tokens: 300 });
    const unknown = { provider: "nobody", model: "new" };
    const first = await reserveOne(db.sql, agent.claims, unknown);
    expect(first).toMatchObject({ granted: true, priced: "unknown" });
    expect((await reserveOne(db.sql, agent.claims, { ...unknown, output: 150 })).code).toBe(
      "budget_exceeded",
    );
    await settle(db.sql, agent.claims, { hold: first.id, usage: { input: 10, output: 10 } });
    expect((await reserveOne(db.sql, agent.claims, { ...unknown, output: 150 })).granted).toBe(
      true,
    );
  });

  it("refuses a model with an unknown or only probable price", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    const probable = await reserveOne(db.sql, agent.claims, { model: "round-1.5" });
    expect(probable).toMatchObject({ granted: true, priced: "inexact" });
    const unknown = await reserveOne(db.sql, agent.claims, { model: "square" });
    const usage = { input: 10, output: 10 };
    expect(
      await settle(db.sql, agent.claims, { hold: unknown.id, usage }, { hold: probable.id, usage }),
    ).toMatchObject([
      { usd: null, priced: "unknown" },
      { usd: 0.03, priced: "inexact" },
    ]);
    await setBudget(db.sql, owner, { hard_usd: 5, soft_usd: 1 });
    for (const model of ["round-1.5", "square"])
      expect((await reserveOne(db.sql, agent.claims, { model })).code).toBe("price_unknown");
    for (const model of ["round-1", "round-latest", "round-1-20261101"])
      expect((await reserveOne(db.sql, agent.claims, { model })).granted).toBe(true);
  });

  it("records a call that cost more than its estimate, and refuses the next one", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 0.4 });
    const held = await reserveOne(db.sql, agent.claims);
    await settle(db.sql, agent.claims, { hold: held.id, usage: { input: 100, output: 200 } });
    expect(await budgets(db.sql, owner)).toMatchObject([{ spent_usd: 0.5, held_usd: 0 }]);
    expect((await reserveOne(db.sql, agent.claims, { input: 1, output: 1 })).code).toBe(
      "budget_exceeded",
    );
  });

  it("counts reservations under a run's lease only in that run's budget", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    const { job, lease } = await runJob(db.sql, agent.claims);
    await setBudget(db.sql, owner, { level: "run", subject: job, hard_usd: 0.3 });
    expect((await reserveOne(db.sql, agent.claims)).granted).toBe(true);
    expect((await reserveOne(db.sql, agent.claims, { lease })).granted).toBe(true);
    expect(await reserveOne(db.sql, agent.claims, { lease })).toMatchObject({
      code: "budget_exceeded",
      level: "run",
    });
  });

  it("of a day starts again the next day", async () => {
    const { tenant, agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 0.3, period: "day" });
    const held = await reserveOne(db.sql, agent.claims);
    await settle(db.sql, agent.claims, { hold: held.id, usage: { input: 100, output: 100 } });
    expect((await reserveOne(db.sql, agent.claims)).code).toBe("budget_exceeded");
    await db.advance("1 day");
    const { claims } = await makeWorker(db.sql, tenant, { scopes: ["cost:write"] });
    expect((await reserveOne(db.sql, claims)).granted).toBe(true);
  });
});

describe("a soft budget", () => {
  it("refuses nothing and logs one event", async () => {
    const { agent, owner, tenant } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { soft_usd: 0.1 });
    for (let turn = 0; turn < 2; turn++) {
      const held = await reserveOne(db.sql, agent.claims);
      await settle(db.sql, agent.claims, { hold: held.id, usage: { input: 100, output: 0 } });
    }
    const told = await db.sql`
      select type from mayfly.events where tenant_id = ${tenant} and type like 'budget.%'`;
    expect(told.map(({ type }) => type)).toEqual(["budget.reached"]);
  });
});

describe("a reservation", () => {
  it("is freed when its worker dies, by other callers and by maintenance", async () => {
    const { agent, owner, tenant } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 0.3 });
    const { lease } = await runJob(db.sql, agent.claims);
    const held = await reserveOne(db.sql, agent.claims, { lease });
    expect((await reserveOne(db.sql, agent.claims)).code).toBe("budget_exceeded");
    await endLeases(db);
    const next = await reserveOne(db.sql, agent.claims);
    expect(next.granted).toBe(true);
    await release(db.sql, agent.claims, { hold: next.id });

    const second = await runJob(db.sql, agent.claims);
    await reserveOne(db.sql, agent.claims, { lease: second.lease });
    await complete(db.sql, agent.claims, [{ lease: second.lease }]);
    await db.sql`select mayfly_private.maintain_costs(${tenant}, 100)`;
    expect(await budgets(db.sql, owner)).toMatchObject([{ held_usd: 0, spent_usd: 0 }]);

    // A caller that has paid nevertheless reports the cost, and the cost is counted once.
    const usage = { input: 100, output: 100 };
    const settled = await settle(db.sql, agent.claims, { hold: held.id, usage });
    expect(settled).toMatchObject([{ usd: 0.3 }]);
    expect(await settle(db.sql, agent.claims, { hold: held.id, usage })).toMatchObject([
      { usd: 0.3, known: true },
    ]);
    expect(await budgets(db.sql, owner)).toMatchObject([{ held_usd: 0, spent_usd: 0.3 }]);
  });

  it("is made once for a repeated call, and never for an ended lease", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 1 });
    const ask = askOf();
    const [first] = await reserve(db.sql, agent.claims, ask);
    const [again] = await reserve(db.sql, agent.claims, ask);
    expect(again).toMatchObject({ id: first?.id, granted: true, output: 100, usd: 0.3 });
    expect(await budgets(db.sql, owner)).toMatchObject([{ held_usd: 0.3 }]);
    const { lease } = await runJob(db.sql, agent.claims);
    await complete(db.sql, agent.claims, [{ lease }]);
    expect((await reserveOne(db.sql, agent.claims, { lease })).code).toBe("lease_lost");
  });

  it("is settled and released only by its holder", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 1 });
    const held = await reserveOne(db.sql, agent.claims);
    expect(await settle(db.sql, owner, { hold: held.id, usage: { input: 1 } })).toMatchObject([
      { code: "hold_unknown" },
    ]);
    expect(await release(db.sql, owner, { hold: held.id })).toEqual({ released: 0 });
    expect(await budgets(db.sql, owner)).toMatchObject([{ held_usd: 0.3, spent_usd: 0 }]);
  });
});

describe("costs", () => {
  it("are listed by agent, model and day, with the calls that have no price", async () => {
    const { agent, viewer, tenant } = await makeSpending(db.sql);
    for (const values of [{}, { agent: "editor" }, { model: "square" }]) {
      const held = await reserveOne(db.sql, agent.claims, values);
      await settle(db.sql, agent.claims, { hold: held.id, usage: { input: 100, output: 10 } });
    }
    const report = (by: string[]) => rpc<object[]>(db.sql, viewer, "cost_report", { by });
    expect(await report([])).toMatchObject([{ calls: 3, usd: 0.24, unpriced: 1 }]);
    expect(await report(["agent", "model"])).toMatchObject([
      { agent: "analyst", model: "round-1", usd: 0.12 },
      { agent: "editor", model: "round-1", usd: 0.12 },
      { agent: "analyst", model: "square", usd: 0, unpriced: 1 },
    ]);
    expect(await report(["day"])).toHaveLength(1);
    expect(await report(["tenant"])).toMatchObject([{ tenant, calls: 3 }]);
    expect(await codeOf(report(["colour"]))).toBe("invalid_request");
  });

  it("are listed by tenant, for a person only in tenants where the person may read costs", async () => {
    const [one, other] = [await makeSpending(db.sql), await makeSpending(db.sql)];
    for (const { agent } of [one, other]) {
      const held = await reserveOne(db.sql, agent.claims);
      await settle(db.sql, agent.claims, { hold: held.id, usage: { input: 100, output: 10 } });
    }
    const report = async (claims: Claims) =>
      (
        await rpc<{ tenant: string }[]>(db.sql, claims, "cost_report", {
          by: ["tenant"],
          page_limit: 10_000,
        })
      ).map(({ tenant }) => tenant);
    const both = [one.tenant, other.tenant];
    expect(await report(serviceRole)).toEqual(expect.arrayContaining(both));
    const reader = await makePerson(db.sql, { [one.tenant]: "admin", [other.tenant]: "admin" });
    expect((await report(reader)).toSorted()).toEqual(both.toSorted());
    expect(await report(one.viewer)).toEqual([one.tenant]);
    expect(await report(one.agent.claims)).toEqual([one.tenant]);
    expect(await report(await makePerson(db.sql, {}))).toEqual([]);
  });

  it("cannot be reserved with an invalid field, and the error names the field", async () => {
    const { agent, owner, tenant } = await makeSpending(db.sql);
    const fieldOf = async (work: Promise<unknown>) => (await refusalOf(work)).details;
    for (const [values, field] of [
      [{ id: "x" }, "id"],
      [{ input: -1 }, "input"],
      [{ input: 1.5 }, "input"],
      [{ output: 0 }, "output"],
      [{ agent: "" }, "agent"],
      [{ model: null }, "model"],
    ] as const)
      expect(await fieldOf(reserve(db.sql, agent.claims, askOf(values)))).toEqual({
        index: 0,
        field,
      });
    for (const [values, field] of [
      [{ hard_usd: -1 }, "hard_usd"],
      [{}, "hard_usd"],
      [{ hard_usd: 1, level: "planet" }, "level"],
      [{ hard_usd: 1, level: "run", subject: "x" }, "subject"],
      [{ hard_usd: 1, period: "week" }, "period"],
    ] as const)
      expect(await fieldOf(setBudget(db.sql, owner, values))).toEqual({ field });
    const usage = { input: 1, colour: 2 };
    expect(await fieldOf(settle(db.sql, agent.claims, { hold: askOf().id, usage }))).toEqual({
      index: 0,
      field: "usage",
    });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    expect(await codeOf(setBudget(db.sql, member, { hard_usd: 1 }))).toBe("scope_missing");
    expect(await codeOf(setBudget(db.sql, agent.claims, { hard_usd: 1 }))).toBe("scope_missing");
  });
});
