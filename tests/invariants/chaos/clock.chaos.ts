import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { pause, untilTrue } from "./chaos.ts";
import { checkAgents, checkLog, checkMemories } from "./invariants.ts";
import { startListener } from "./listener.ts";
import { startLoad } from "./load.ts";
import { seed } from "./random.ts";

let local: TestLocal;
beforeAll(async () => {
  console.log(`CHAOS_SEED=${seed}`);
  local = await startTestLocal();
});
afterAll(() => local?.close());

async function renewalsIn(tenant: string): Promise<number> {
  const [row] = await local.sql`
    select count(*)::int from mayfly_private.renewal_secrets where tenant_id = ${tenant} and used_at is not null`;
  return row?.count as number;
}

describe("an agent with a clock that is wrong", () => {
  const hour = 3_600_000;
  for (const skewMs of [-hour, hour]) {
    it(`by ${skewMs / hour} h works, and what it remembers has the server's time`, async () => {
      // Tokens last so briefly that they expire, and are renewed, during the test.
      const { tenant, mayfly } = await local.enter({
        max_living_agents: 1_000,
        spawns_per_minute: 10_000,
        token_lifetime: "10 seconds",
      });
      const { apiUrl: url, secretKey: key } = local;
      const listener = await startListener(mayfly);
      const load = await startLoad(1, { url, key, tenant, seed, skewMs, listener: listener.id });
      try {
        await untilTrue(() => load.account.acknowledged.size >= 20, 90_000);
        await pause(15_000);
        await load.end();
        await load.drain();
        await checkMemories(local.sql, tenant, load.account);
        await checkLog(local.sql, tenant, load.account);
        await checkAgents(local.sql, tenant, load.account);
        await listener.check(local.sql, tenant, load.account.sent);
        expect(load.account.acknowledged.size).toBeGreaterThanOrEqual(20);
        expect(load.account.failures).toEqual({});
        expect(await renewalsIn(tenant), "renewals: some, but not all the time").toBeLessThan(15);
        expect(await renewalsIn(tenant)).toBeGreaterThan(0);
        const [row] = await local.sql`
          select max(abs(extract(epoch from clock_timestamp() - updated_at)))::int as updated,
            max(abs(extract(epoch from clock_timestamp() - created_at)))::int as created
          from mayfly.memories where tenant_id = ${tenant}`;
        console.log(JSON.stringify({ skewMs, ...row }));
        expect(row?.updated).toBeLessThan(600);
        expect(row?.created).toBeLessThan(600);
      } finally {
        await load.end().catch(() => {});
        await load.close();
        await listener.stop();
        await mayfly.close();
      }
    });
  }
});
