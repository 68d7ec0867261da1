/** `mayfly costs` and `mayfly prices`, and the SDK calls behind them. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let folder: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  folder = await mkdtemp(join(tmpdir(), "mayfly-costs-"));
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
  await rm(folder, { recursive: true, force: true });
});
const run = (...given: string[]) =>
  runCli(given, {
    env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
  });

describe("mayfly prices", () => {
  it("imports the prices of the package once, and shows one", async () => {
    const first = await run("prices", "import", "--json");
    const { models, changed } = JSON.parse(first.out);
    expect(models).toBeGreaterThan(1_500);
    expect(changed).toBeGreaterThan(1_500);
    expect((await run("prices", "import")).out).toMatch(/: 0 new or changed, from now on\./);
    const shown = await run("prices", "show", "anthropic/claude-sonnet-4-5-20250929");
    expect(shown.out).toContain("claude-sonnet-4-5:");
    expect(shown.out).toMatch(/input +3 USD, 6 above 200,000 in a million tokens/);
    expect((await run("prices", "show", "anthropic/claude-sonnet-4-5-turbo")).out).toContain(
      "a hard budget refuses it",
    );
    const bedrock = await run("prices", "show", "amazon-bedrock/amazon.nova-lite-v1:0");
    expect(bedrock.code).toBe(0);
    expect(await run("prices", "show", "acme/none")).toMatchObject({ code: 1 });
    expect((await run("prices", "show", "none")).code).toBe(2);
  });

  it("imports a file, and refuses a file in the wrong form", async () => {
    const ours = join(folder, "ours.json");
    const price = { provider: "acme", model: "round-1", prices: [{ units: { input: [[0, 3]] } }] };
    await writeFile(ours, JSON.stringify([price]));
    expect((await run("prices", "import", ours)).out).toContain("1 model of");
    expect(dataOf(await mayfly.costs.price("acme.chat", "round-1"))).toMatchObject({
      of: "round-1",
      exact: true,
    });
    await writeFile(ours, JSON.stringify([{ ...price, prices: "cheap" }]));
    expect(await run("prices", "import", ours)).toMatchObject({ code: 2, out: "" });
    expect((await run("prices", "import", join(folder, "none.json"))).err).toContain("ENOENT");
  });
});

describe("mayfly costs", () => {
  it("shows costs by agent and model, calls without a price, and the budgets", async () => {
    expect((await run("costs")).out).toContain("Nothing was spent.");
    await mayfly.costs.importPrices(
      [
        {
          provider: "acme",
          model: "told",
          prices: [{ units: { input: [[0, 1_000]], output: [[0, 2_000]] } }],
        },
      ],
      "a test",
    );
    const budget = dataOf(await mayfly.costs.budgets.set({ level: "tenant", softUsd: 5 }));
    expect(budget.periodStart).toBeInstanceOf(Date);
    for (const model of ["told", "new"]) {
      const id = randomUUID();
      const ask = { id, agent: "analyst", provider: "acme", model, input: 100, output: 50 };
      const asked = await mayfly.client.rpc("reserve_costs", { asks: [ask] });
      expect(asked.data).toMatchObject([{ granted: true }]);
      const usage = { input: 100, output: 50 };
      await mayfly.client.rpc("settle_costs", { settlements: [{ hold: id, usage }] });
    }
    const told = await run("costs");
    expect(told.out).toMatch(/analyst +acme\/told +1 +100 +0 +50 +0\.200000/);
    expect(told.out).toMatch(/analyst +acme\/new .*and 1 without a price/);
    expect(told.out).toContain("0.200000 USD in total; 1 call has no known price.");
    const byTenant = await run("costs", "--by", "tenant");
    expect(byTenant.out).toMatch(new RegExp(`${tenant} +2 +200 +0 +100 +0\\.200000`));
    const budgets = await run("costs", "--budgets");
    expect(budgets.out).toMatch(/the tenant +total +0\.200000 +0\.000000 +5 soft +300/);
    const rows = dataOf(await mayfly.costs.report({ by: ["day"] }));
    expect(rows).toMatchObject([{ calls: 2, usd: 0.2, unpriced: 1 }]);
    dataOf(await mayfly.costs.limit({ level: "tenant", perMinute: 10 }));
    dataOf(await mayfly.costs.limit({ level: "tenant", perMinute: null }));
    expect(dataOf(await mayfly.costs.budgets.delete("tenant"))).toEqual({ deleted: true });
    expect((await run("costs", "--by", "colour")).code).toBe(2);
    expect((await run("costs", "--since", "soon")).code).toBe(2);
  });
});
