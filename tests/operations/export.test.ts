import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makeAgent, makePerson, makeTenant, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { fillTenant } from "#harness/sweep";

interface Page {
  lines: { table: string; row: { id?: string } }[];
  after: unknown;
  more: boolean;
}

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

describe("the statistics of memories", () => {
  it("count what the caller sees, by kind, agent and model", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const other = await makeAgent(db.sql, tenant);
    const embedding = Array(384).fill(0.1);
    const gone = putOf();
    const kept = putOf({ kind: "fact", reward: 0.5 });
    await rpc(db.sql, agent.claims, "sync", {
      push: [
        { ...kept, embedding, model: "m" },
        putOf({ visibility: "agent" }),
        putOf({ created_at: new Date(Date.now() - 7_200_000).toISOString() }),
        putOf({ expires_at: new Date().toISOString() }),
        gone,
      ] as never,
    });
    await rpc(db.sql, agent.claims, "sync", {
      push: [
        deleteOf(gone.memory.id),
        updateOf(kept.memory.id, { reward: 1 }, { base: { reward: 0 }, resolve: "manual" }),
      ] as never,
    });
    expect(await rpc(db.sql, agent.claims, "memory_statistics")).toMatchObject({
      memories: 3,
      last_hour: 2,
      last_day: 3,
      private: 1,
      by_kind: { fact: 1, episode: 2 },
      by_agent: [{ agent_id: agent.id, memories: 3 }],
      with_vector: { m: 1 },
      without_vector: 2,
      conflicts: 1,
      bytes: expect.any(Number),
    });
    expect(await rpc(db.sql, other.claims, "memory_statistics")).toMatchObject({
      memories: 2,
      private: 0,
    });
  });
});

describe("the export of a tenant", () => {
  it("has every row of every exposed table once, whatever the page size", async () => {
    const victim = await fillTenant(db.sql);
    await fillTenant(db.sql);
    const tables = await db.sql`
      select c.relname as name from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
      where n.nspname = 'mayfly' and c.relkind in ('r', 'p')`;
    const counts: Record<string, number> = { tenants: 1 };
    for (const { name } of tables) {
      const [row] = await db.sql.unsafe(
        `select count(*)::int from mayfly.${name} where tenant_id = '${victim.tenant}'`,
      );
      counts[name as string] = row?.count;
    }
    for (const page_limit of [1, 3, 1000]) {
      const lines: Page["lines"] = [];
      let page: Page = { lines: [], after: null, more: true };
      while (page.more) {
        page = await rpc<Page>(db.sql, victim.owner, "export_tenant", {
          after: page.after,
          page_limit,
        });
        lines.push(...page.lines);
      }
      const found: Record<string, number> = {};
      for (const { table } of lines) found[table] = (found[table] ?? 0) + 1;
      expect(found).toEqual(counts);
      expect(new Set(lines.map((line) => JSON.stringify(line))).size).toBe(lines.length);
      expect(lines[0]?.table).toBe("tenants");
      expect(JSON.stringify(lines)).toContain("the secret plan");
    }
  });

  it("has pages of about 4 MB at most, however many rows are asked for", async () => {
    const tenant = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    await db.sql`
      insert into mayfly.memories (tenant_id, id, task, input)
      select ${tenant}, gen_random_uuid(), 'large', repeat(E'\\x01', 100000) from generate_series(1, 20)`;
    let found = 0;
    let page: Page = { lines: [], after: null, more: true };
    while (page.more) {
      page = await rpc<Page>(db.sql, admin, "export_tenant", {
        after: page.after,
        page_limit: 1000,
      });
      expect(JSON.stringify(page.lines).length).toBeLessThan(5_000_000);
      found += page.lines.filter(({ table }) => table === "memories").length;
    }
    expect(found).toBe(20);
  });

  it("is only for admins, and refuses an invalid page", async () => {
    const tenant = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    expect(await codeOf(rpc(db.sql, member, "export_tenant"))).toBe("scope_missing");
    for (const after of [
      { table: "scopes", key: [] },
      { table: "events", key: ["x", "y", "z"] },
      [1],
    ])
      expect(
        await refusalOf(rpc(db.sql, admin, "export_tenant", { after: after as never })),
      ).toMatchObject({ code: "invalid_request", details: { field: "after" } });
  });
});
