import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, makePerson, makeTenant, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";

interface Installation {
  maintenance: {
    oldest: string;
    failing: { tenant_id: string; failures: number; since: string; error: string }[];
  };
}

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** A tenant with one expired memory. */
async function makeSpent(): Promise<string> {
  const tenant = await makeTenant(db.sql);
  const agent = await makeAgent(db.sql, tenant);
  const past = new Date(Date.now() - 86_400_000).toISOString();
  await rpc(db.sql, agent.claims, "sync", {
    push: [putOf({ expires_at: past })] as never,
    page_limit: 0,
  });
  return tenant;
}
const livingOf = async (tenants: string[]) => {
  const rows = await db.sql`
    select tenant_id from mayfly.memories where tenant_id = any (${tenants}) and deleted_at is null`;
  return rows.map((row) => row.tenant_id as string);
};
const maintenanceOf = async () =>
  (await rpc<Installation>(db.sql, serviceRole, "installation")).maintenance;
/** Sets the expired memory to its last possible version, so that maintenance cannot change it. */
const poison = (tenant: string) =>
  db.sql`update mayfly.memories set version = 2000000001 where tenant_id = ${tenant}`;
const repair = (tenant: string) =>
  db.sql`update mayfly.memories set version = 1 where tenant_id = ${tenant}`;

describe("maintenance of every tenant", () => {
  it("continues after a tenant for which it fails, and says which, since when and why", async () => {
    const tenants = [await makeSpent(), await makeSpent(), await makeSpent()];
    const poisoned = tenants[1] as string;
    await poison(poisoned);
    await db.sql`select mayfly_private.maintain_all()`;
    expect(await livingOf(tenants)).toEqual([poisoned]);
    const { failing } = await maintenanceOf();
    expect(failing).toEqual([
      {
        tenant_id: poisoned,
        failures: 1,
        since: expect.any(String),
        error: expect.stringMatching(/^memories: 23514 .*memories_version_range/),
      },
    ]);

    await db.sql`select mayfly_private.maintain_all()`;
    expect((await maintenanceOf()).failing).toEqual([{ ...failing[0], failures: 2 }]);

    await repair(poisoned);
    await db.sql`select mayfly_private.maintain_all()`;
    expect(await livingOf(tenants)).toEqual([]);
    expect((await maintenanceOf()).failing).toEqual([]);
  });

  it("does the other chores of a tenant if one fails, names the failed one in the answer, and records each failure", async () => {
    const tenant = await makeSpent();
    await poison(tenant);
    await db.sql`insert into mayfly_private.chores (name, work) values ('a_gone', 'mayfly_private.gone(uuid, integer)')`;
    try {
      await makeAgent(db.sql, tenant);
      await db.advance("1 hour");
      const owner = await makePerson(db.sql, { [tenant]: "owner" });
      expect(await rpc(db.sql, owner, "maintain")).toMatchObject({
        agents: 2,
        forgotten: 0,
        failed: ["a_gone", "memories"],
      });
      const [row] = await db.sql`
        select failures, error from mayfly_private.maintenance where tenant_id = ${tenant}`;
      expect(row?.failures).toBe(1);
      expect(row?.error).toMatch(/^a_gone: 42883 it names .*; memories: 23514 /);
    } finally {
      await db.sql`delete from mayfly_private.chores where name = 'a_gone'`;
      await repair(tenant);
    }
    await db.sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
    expect((await maintenanceOf()).failing).toEqual([]);
    expect(await livingOf([tenant])).toEqual([]);
  });

  it("handles each tenant once per run, starting with the one that waited longest", async () => {
    await db.sql`select mayfly_private.maintain_all()`;
    const fresh = [await makeSpent(), await makeSpent()];
    const [run] = await db.sql`select clock_timestamp()::text as begun`;
    /** All batches of a run. Each ends after 2 s. */
    const come = async () => {
      let tenants = 0;
      for (let some = 1; some > 0; tenants += some) {
        const [row] = await db.sql`
          select mayfly_private.maintain_some(${run?.begun as string}::timestamptz) as tenants`;
        some = row?.tenants as number;
      }
      return tenants;
    };
    const [row] = await db.sql`select count(*)::int as tenants from mayfly.tenants`;
    await poison(fresh[0] as string);
    const [first] = await db.sql`
      select tenant_id from mayfly_private.maintenance order by at, tenant_id limit 1`;
    expect(fresh).toContain(first?.tenant_id);
    expect(await come()).toBe(row?.tenants);
    // A tenant that fails has had its turn.
    expect(await come()).toBe(0);
    await repair(fresh[0] as string);
  });

  it("refuses updates of a memory with the highest possible version, but can forget it", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const put = putOf();
    const push = (operation: unknown) =>
      rpc<{ results: { status: string }[] }>(db.sql, agent.claims, "sync", {
        push: [operation] as never,
        page_limit: 0,
      });
    await push(put);
    await db.sql`update mayfly.memories set version = 2000000000 where tenant_id = ${tenant}`;
    expect(await refusalOf(push(updateOf(put.memory.id, { reward: 1 })))).toMatchObject({
      code: "invalid_operation",
      details: { index: 0, field: "memory.id" },
    });
    expect((await push(deleteOf(put.memory.id))).results).toMatchObject([{ status: "applied" }]);
  });

  it("does no chore that docs/operations.md does not list", async () => {
    const page = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const [, section = ""] = page.split("### What maintenance deletes\n");
    const [table = ""] = section.split("\n## ");
    const listed = [...table.matchAll(/^\| `(\w+)` /gm)].map(([, chore]) => chore);
    const chores = await db.sql`select name from mayfly_private.chores order by name collate "C"`;
    expect(listed).toEqual(chores.map(({ name }) => name));
  });
});

describe("sync", () => {
  it("marks dead agents that nobody has marked yet", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
    const dead = await makeAgent(db.sql, tenant, { lifetime: 30 });
    await db.advance("30 seconds");
    await rpc(db.sql, agent.claims, "sync", { push: [], page_limit: 1000 });
    const [row] = await db.sql`select status from mayfly.agents where id = ${dead.id}`;
    expect(row?.status).toBe("expired");
  });
});
