/** Prices: which one applies, and what a call costs with it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anon, codeOf, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { importPrices, madeUp, makeSpending, reserveOne, settle } from "./spending.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const priceOf = (provider: string, model: string, at?: string) =>
  rpc<{ exact: boolean; of: string; units: Record<string, [number, number][]> } | null>(
    db.sql,
    serviceRole,
    "model_price",
    { provider, model, ...(at && { at }) },
  );

const priced = (model: string, prices: unknown[], names: unknown[] = []) => ({
  provider: "dated",
  model,
  prices,
  names,
});
const units = (usd: number) => ({ units: { input: [[0, usd]] } });

describe("a price", () => {
  it("is the one that was valid at the day and hour of the call", async () => {
    await importPrices(db.sql, [
      priced("calendar", [units(3), { from: "2026-03-01", ...units(2) }]),
      priced("nightly", [units(4), { daily: ["16:30:00Z", "00:30:00Z"], ...units(1) }]),
    ]);
    const input = async (model: string, at: string) =>
      (await priceOf("dated", model, at))?.units.input?.[0]?.[1];
    expect(await input("calendar", "2026-02-28T23:59:59Z")).toBe(3);
    expect(await input("calendar", "2026-03-01T00:00:00Z")).toBe(2);
    expect(await input("nightly", "2026-03-01T12:00:00Z")).toBe(4);
    expect(await input("nightly", "2026-03-01T23:00:00Z")).toBe(1);
    expect(await input("nightly", "2026-03-01T00:10:00Z")).toBe(1);
  });

  it("changed by an import applies only from its day on, and the same import changes nothing", async () => {
    const first = await importPrices(db.sql, [priced("changing", [units(3)])]);
    expect(first).toEqual({ models: 1, changed: 1, names: 0 });
    const before = new Date().toISOString();
    expect(await importPrices(db.sql, [priced("changing", [units(3)])])).toMatchObject({
      changed: 0,
    });
    await importPrices(db.sql, [priced("changing", [units(5)])]);
    expect((await priceOf("dated", "changing", before))?.units.input).toEqual([[0, 3]]);
    expect((await priceOf("dated", "changing"))?.units.input).toEqual([[0, 5]]);
    // For a time before the first import, the prices of this import are the best that are known.
    expect((await priceOf("dated", "changing", "2020-01-01"))?.units.input).toEqual([[0, 3]]);
  });

  it("is exact for a name, an alias or a dated snapshot, and only probable for a longer name", async () => {
    await importPrices(db.sql);
    for (const [provider, model] of [
      ["acme", "round-1"],
      ["acme.chat", "round-latest"],
      ["acme", "round-1-20261101"],
      ["acme", "round-1@20261101"],
      ["acme", "round-1-2026-11-01"],
      ["gateway", "acme/round-1"],
    ] as const)
      expect(await priceOf(provider, model)).toMatchObject({ of: "round-1", exact: true });
    expect(await priceOf("acme", "round-1.5")).toMatchObject({ of: "round-1", exact: false });
    expect(await priceOf("acme", "square")).toBeNull();
    expect(await priceOf("other", "round-1")).toBeNull();
  });

  it("of the highest step that the input exceeds applies to the whole input, and costs are exact", async () => {
    await importPrices(db.sql, [
      {
        provider: "acme",
        model: "steps",
        prices: [
          {
            units: {
              input: [
                [0, 3],
                [200_000, 6],
              ],
              output: [
                [0, 15],
                [200_000, 22.5],
              ],
              cache_read: [[0, 0.3]],
              cache_write: [[0, 3.75]],
              cache_write_1h: [[0, 6]],
              web_searches: [[0, 10]],
              requests: [[0, 0]],
            },
          },
        ],
      },
    ]);
    const { agent } = await makeSpending(db.sql);
    const costOf = async (usage: Record<string, number>) => {
      const { id } = await reserveOne(db.sql, agent.claims, { model: "steps" });
      const [settled] = await settle(db.sql, agent.claims, { hold: id, usage });
      return settled?.usd;
    };
    expect(await costOf({ input: 200_000, output: 1_000 })).toBe(0.615);
    expect(await costOf({ input: 200_001, output: 1_000 })).toBe(1.222506);
    const usage = { input: 1_000, cache_read: 500, cache_write: 300, cache_write_1h: 100 };
    // 200 × 3 + 500 × 0.3 + 200 × 3.75 + 100 × 6, per million, and one search.
    expect(await costOf({ ...usage, web_searches: 1 })).toBe(0.0121);
    const [{ usd } = { usd: "" }] = await db.sql`
      select usd::text from mayfly.model_usage where input_tokens = 200001`;
    expect(Number(usd)).toBe(1.222506);
  });

  it("without units is free of charge", async () => {
    await importPrices(db.sql, [{ provider: "acme", model: "free", prices: [{ units: {} }] }]);
    const { agent } = await makeSpending(db.sql);
    const held = await reserveOne(db.sql, agent.claims, { model: "free" });
    expect(held).toMatchObject({ usd: 0, priced: "exact" });
  });
});

describe("an import", () => {
  it("is refused as a whole, with the invalid row and field", async () => {
    const good = priced("whole", [units(3)]);
    for (const [bad, field] of [
      [{ ...good, provider: "" }, "provider"],
      [{ ...good, model: undefined }, "model"],
      [{ ...good, prices: [] }, "prices"],
      [{ ...good, prices: [{ units: { input: [[0, -1]] } }] }, "prices"],
      [{ ...good, prices: [{ units: { input: [[0, "1"]] } }] }, "prices"],
      [{ ...good, prices: [{ from: "soon", units: {} }] }, "prices"],
      [{ ...good, names: [{ name: "x" }] }, "names"],
    ] as const) {
      const refused = await refusalOf(importPrices(db.sql, [good, bad]));
      expect(refused).toMatchObject({ code: "invalid_request", details: { index: 1, field } });
    }
    expect(await priceOf("dated", "whole")).toBeNull();
  });

  it("is allowed only with the secret key", async () => {
    const { agent, owner } = await makeSpending(db.sql);
    for (const claims of [agent.claims, owner, anon])
      expect(
        await codeOf(
          rpc(db.sql, claims, "import_prices", { prices: madeUp as never, source: "mine" }),
        ),
      ).toBe("42501");
  });
});
