/** Rate limits, and breakers for failing models, which all workers of a tenant share. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeSpending, release, reserveOne, settle } from "./spending.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

type Spending = Awaited<ReturnType<typeof makeSpending>>;
const failWith = async (
  { agent }: Spending,
  times: number,
  more: Record<string, unknown> = {},
  model = "round-1",
) => {
  for (let turn = 0; turn < times; turn++) {
    const { id } = await reserveOne(db.sql, agent.claims, { model });
    await release(db.sql, agent.claims, { hold: id, failure: "overloaded", ...more });
  }
};

describe("a breaker", () => {
  it("opens after five failures in a row, then lets one call try, and closes if this call succeeds", async () => {
    const spending = await makeSpending(db.sql);
    const { agent } = spending;
    await failWith(spending, 5);
    expect(await reserveOne(db.sql, agent.claims)).toMatchObject({
      code: "model_unavailable",
      retry_after: 30,
    });
    expect((await reserveOne(db.sql, agent.claims, { model: "square" })).granted).toBe(true);
    await db.advance("30 seconds");
    const trying = await reserveOne(db.sql, agent.claims);
    expect(trying.granted).toBe(true);
    expect((await reserveOne(db.sql, agent.claims)).code).toBe("model_unavailable");
    await settle(db.sql, agent.claims, { hold: trying.id, usage: { input: 1, output: 1 } });
    expect((await reserveOne(db.sql, agent.claims)).granted).toBe(true);
  });

  it("stays open twice as long if this call fails too, separately for each tenant", async () => {
    const spending = await makeSpending(db.sql);
    await failWith(spending, 5);
    await db.advance("30 seconds");
    await failWith(spending, 1);
    expect(await reserveOne(db.sql, spending.agent.claims)).toMatchObject({ retry_after: 60 });
    const other = await makeSpending(db.sql);
    expect((await reserveOne(db.sql, other.agent.claims)).granted).toBe(true);
  });

  it("is not opened for longer by calls that were under way when it opened", async () => {
    const spending = await makeSpending(db.sql);
    const { claims } = spending.agent;
    const begun = [];
    for (let nth = 0; nth < 9; nth++) begun.push((await reserveOne(db.sql, claims)).id);
    for (const hold of begun) await release(db.sql, claims, { hold, failure: "overloaded" });
    expect(await reserveOne(db.sql, claims)).toMatchObject({ retry_after: 30 });
    await db.advance("30 seconds");
    await failWith(spending, 1);
    expect(await reserveOne(db.sql, claims)).toMatchObject({ retry_after: 60 });
  });

  it("opens at once for as long as the provider says", async () => {
    const spending = await makeSpending(db.sql);
    await failWith(spending, 1, { retry_after: 7 });
    expect(await reserveOne(db.sql, spending.agent.claims)).toMatchObject({ retry_after: 7 });
    await db.advance("7 seconds");
    expect((await reserveOne(db.sql, spending.agent.claims)).granted).toBe(true);
  });

  it("forgets failures when a call succeeds between them", async () => {
    const spending = await makeSpending(db.sql);
    const { agent } = spending;
    await failWith(spending, 4);
    const { id } = await reserveOne(db.sql, agent.claims);
    await settle(db.sql, agent.claims, { hold: id, usage: { input: 1, output: 1 } });
    await failWith(spending, 4);
    expect((await reserveOne(db.sql, agent.claims)).granted).toBe(true);
  });
});

describe("a rate limit", () => {
  const limit = (spending: Spending, values: Record<string, unknown>) =>
    rpc(db.sql, spending.owner, "set_rate_limit", values);

  it.each([
    ["tenant", ""],
    ["agent", "analyst"],
    ["model", "acme.chat/round-1"],
  ])("of a %s allows a burst, and then a rate per minute", async (level, subject) => {
    const spending = await makeSpending(db.sql);
    const { claims } = spending.agent;
    await limit(spending, { level, subject, per_minute: 60, burst: 2 });
    await db.freeze();
    expect((await reserveOne(db.sql, claims)).granted).toBe(true);
    expect((await reserveOne(db.sql, claims)).granted).toBe(true);
    expect(await reserveOne(db.sql, claims)).toMatchObject({
      code: "rate_limited",
      retry_after: 1,
    });
    await db.advance("1 second");
    expect((await reserveOne(db.sql, claims)).granted).toBe(true);
    expect((await reserveOne(db.sql, claims)).code).toBe("rate_limited");
    const other = { agent: "editor", model: "square" };
    expect((await reserveOne(db.sql, claims, other)).granted).toBe(level !== "tenant" || undefined);
    await limit(spending, { level, subject });
    expect((await reserveOne(db.sql, claims)).granted).toBe(true);
  });

  it("is refused if a field is invalid, and the error names the field", async () => {
    const spending = await makeSpending(db.sql);
    for (const [values, field] of [
      [{ level: "team", per_minute: 1 }, "level"],
      [{ level: "agent", per_minute: 1 }, "subject"],
      [{ level: "tenant", per_minute: 0 }, "per_minute"],
    ] as const)
      expect((await refusalOf(limit(spending, values))).details).toEqual({ field });
  });
});
