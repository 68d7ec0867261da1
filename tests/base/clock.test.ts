/** `mayfly_private.now()`: the clock that decides ages, lifetimes and leases. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, codeOf, makeAgent, makeTenant, renew, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { root } from "#harness/sources";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const timeOf = async () => {
  const [row] = await db.sql`
    select extract(epoch from mayfly_private.now() - clock_timestamp())::float8 as ahead`;
  return row?.ahead as number;
};

/** What still uses the machine's clock, by file, and why: see sql/base/functions/now.sql. */
const byTheMachine = {
  "base/functions/is_timely.sql": "tokens",
  "agents/functions/issue_token.sql": "tokens",
  "base/functions/next_clock.sql": "hybrid clocks",
  "memory/functions/check_push.sql": "hybrid clocks",
  "jobs/functions/take_jobs.sql": "how long work takes",
  "jobs/functions/take_next.sql": "how long work takes",
  "operations/functions/installation.sql": "compared with the caller's clock",
  "operations/functions/maintain_all.sql": "how long work takes",
  "operations/functions/maintain_some.sql": "how long work takes",
  "operations/functions/maintain_tenant.sql": "when it last ran",
  "operations/schedules.sql": "how long work takes",
};

describe("the clock", () => {
  it("is the machine's clock, and no caller can replace it", async () => {
    expect(Math.abs(await timeOf())).toBeLessThan(1);
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const body =
      "function mayfly_private.now() returns timestamptz language sql return timestamptz 'epoch'";
    for (const claims of [agent.claims, serviceRole]) {
      const tries = [
        `create or replace ${body}`,
        "alter function mayfly_private.now() rename to was",
        "drop function mayfly_private.now() cascade",
        "create function mayfly.now() returns timestamptz language sql return timestamptz 'epoch'",
      ];
      for (const statement of tries)
        expect(await codeOf(actAs(db.sql, claims, (s) => s.unsafe(statement))), statement).toBe(
          "42501",
        );
    }
    // A caller cannot replace the clock by a search_path either.
    const lives = await actAs(db.sql, agent.claims, async (session) => {
      await session.unsafe(`
        create function pg_temp.now() returns timestamptz language sql return timestamptz 'infinity';
        create function pg_temp.clock_timestamp() returns timestamptz language sql return timestamptz 'infinity';
        set local search_path = pg_temp, mayfly`);
      const [row] = await session`select mayfly.get_agent() ->> 'status' as status`;
      return row?.status;
    });
    expect(lives).toBe("running");
  });

  it("decides when an agent expires and its secret stops working", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
    const before = await timeOf();
    await db.advance("9 minutes");
    expect(await rpc(db.sql, agent.claims, "get_agent")).toMatchObject({ status: "running" });
    await db.advance("2 minutes");
    expect((await timeOf()) - before).toBeCloseTo(660, 0);
    expect(await codeOf(rpc(db.sql, agent.claims, "get_agent"))).toBe("not_authorized");
    expect(await codeOf(renew(db.sql, agent.renewalSecret))).toBe("agent_not_alive");
    // A new agent lives by the same clock, and so do stored defaults.
    const next = await makeAgent(db.sql, tenant, { lifetime: 60 });
    expect(await rpc(db.sql, next.claims, "get_agent")).toMatchObject({ status: "running" });
    const [event] = await db.sql`
      select extract(epoch from max(at) - clock_timestamp())::float8 as ahead from mayfly.events where tenant_id = ${tenant}`;
    expect(event?.ahead).toBeGreaterThan(before + 30);
  });

  it("stands still when it is frozen, until it is moved", async () => {
    await db.freeze();
    const at = async () => (await db.sql`select mayfly_private.now()::text as at`)[0]?.at;
    const stopped = await at();
    expect(await at()).toBe(stopped);
    await db.advance("1 hour");
    const [row] =
      await db.sql`select (${await at()}::timestamptz - ${stopped}::timestamptz)::text as gone`;
    expect(row?.gone).toBe("01:00:00");
  });

  it("is the only clock that SQL reads, with a few exceptions that have a reason", async () => {
    const bare =
      /(?<![\w.])(now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)|\bcurrent_timestamp\b/;
    const files = (await readdir(join(root, "sql"), { recursive: true }))
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => /\/.*\.sql$/.test(file) && !/(^|\/)(tables|inspect|upgrades)\//.test(file));
    const others: string[] = [];
    for (const file of files) {
      const text = await readFile(join(root, "sql", file), "utf8");
      if (bare.test(text.replace(/--[^\n]*/g, ""))) others.push(file);
    }
    expect(others.sort()).toEqual([...Object.keys(byTheMachine), "base/functions/now.sql"].sort());
  });
});
