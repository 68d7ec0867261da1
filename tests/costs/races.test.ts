/** Budgets with 200 callers at once, on Postgres. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { makeWorker, scopes } from "../jobs/working.ts";
import { askOf, budgets, makeSpending, release, reserve, setBudget, settle } from "./spending.ts";

let db: TestDatabase;

describe.skipIf(!databaseUrl)("a budget with many callers at once", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("is never exceeded by 200 callers, and is exact when all calls are settled", async () => {
    const { tenant, owner } = await makeSpending(db.sql);
    await setBudget(db.sql, owner, { hard_usd: 5 });
    await setBudget(db.sql, owner, { level: "agent", subject: "editor", hard_usd: 2 });
    const callers = await Promise.all(
      Array.from({ length: 8 }, () =>
        makeWorker(db.sql, tenant, { scopes: [...scopes, "cost:write"] }),
      ),
    );
    let over = 0;
    const watched = async () => {
      const [row] = await db.sql`
        select max(spent_usd + held_usd - hard_usd) as over from mayfly.budgets where tenant_id = ${tenant}`;
      over = Math.max(over, Number(row?.over));
    };
    let granted = 0;
    const callAt = async (nth: number) => {
      const { claims } = callers[nth % callers.length] as (typeof callers)[number];
      const asks = Array.from({ length: 1 + (nth % 3) }, () =>
        askOf({ agent: nth % 2 ? "editor" : "analyst" }),
      );
      for (const { id, granted: has } of await reserve(db.sql, claims, ...asks)) {
        if (!has) continue;
        granted++;
        if (nth % 5 === 0) await release(db.sql, claims, { hold: id });
        else await settle(db.sql, claims, { hold: id, usage: { input: 90, output: 30 } });
      }
      if (nth % 10 === 0) await watched();
    };
    // On a busy machine, all of the first 200 calls reserve before one of them settles. Then the holds of 16
    // calls use the budget up. The second round finds what these calls have left.
    for (let round = 0; round < 2; round++)
      await Promise.all(Array.from({ length: 200 }, (_, nth) => callAt(nth)));
    expect(granted).toBeGreaterThan(16);
    expect(over).toBeLessThanOrEqual(0);
    const [ledger] = await db.sql`
      select coalesce(sum(usd), 0)::float8 as usd,
        coalesce(sum(usd) filter (where agent = 'editor'), 0)::float8 as editor
      from mayfly.model_usage where tenant_id = ${tenant}`;
    expect(await budgets(db.sql, owner)).toMatchObject([
      { level: "tenant", spent_usd: ledger?.usd, held_usd: 0, held_tokens: 0 },
      { level: "agent", spent_usd: ledger?.editor, held_usd: 0, held_tokens: 0 },
    ]);
  });
});
