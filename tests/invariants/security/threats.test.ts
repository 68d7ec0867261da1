import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  type Issued,
  machineClaims,
  makeAgent,
  renew,
  rpc,
  type Sql,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { fillTenant, type Victim } from "#harness/sweep";

const text = readFileSync(join(import.meta.dirname, "../../../SECURITY.md"), "utf8");
const blocks = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = ""]) => sql);
/** The block that contains this text. */
function blockWith(part: string): string {
  const found = blocks.filter((block) => block.includes(part));
  expect(found.length, part).toBe(1);
  return found[0] ?? "";
}

let db: TestDatabase;
let victim: Victim;
let own: Record<string, string>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

async function fill(): Promise<void> {
  victim = await fillTenant(db.sql);
  own = {
    tenant: victim.tenant,
    agent: victim.agent.id,
    key: victim.keyId,
    person: String(victim.owner.sub),
    invitation: victim.invitation,
  };
}

/** Runs a block as the SQL editor does: as the role `postgres`. */
async function run(block: string): Promise<number> {
  const sql = block.replaceAll(/‹(\w+)›/g, (_, name: string) => {
    const id = own[name];
    if (!id) throw new Error(`‹${name}› is not known.`);
    return id;
  });
  return (await db.sql.begin(async (session) => {
    await session.unsafe("set local role postgres");
    const results = (await session.unsafe(sql)) as unknown as { count: number }[] & {
      count: number;
    };
    return Number(results.count ?? results[0]?.count ?? 0);
  })) as number;
}

const sees = (sql: Sql, claims: Claims) =>
  actAs(sql, claims, async (session) => (await session`select id from mayfly.agents`).length);

describe("SECURITY.md", () => {
  it("has only blocks that run unchanged", async () => {
    expect(blocks.length).toBeGreaterThan(9);
    for (const block of blocks) {
      await fill();
      await run(block);
    }
  });

  it("revokes a stolen token at once, and shows what it did", async () => {
    await fill();
    const { claims } = victim.agent;
    expect(await run(blockWith("select at, type, subject"))).toBeGreaterThan(0);
    expect(await sees(db.sql, claims)).toBeGreaterThan(0);
    await run(blockWith("token stolen"));
    expect(await sees(db.sql, claims)).toBe(0);
    expect(await codeOf(rpc(db.sql, claims, "recall", { query: "x" }))).toBe("not_authorized");
    const [child] = await db.sql`
      select mayfly_private.effective_status(a) as status from mayfly.agents a where parent_id = ${victim.agent.id}`;
    expect(child?.status).not.toBe("running");
  });

  it("says what resuming does: old secrets are unknown, and an old token works until it expires", async () => {
    await fill();
    const { claims, renewalSecret, id } = victim.agent;
    await run(blockWith("token stolen"));
    await rpc(db.sql, victim.owner, "resume_agent", { id });
    expect(await codeOf(renew(db.sql, renewalSecret))).toBe("renewal_refused");
    expect(await sees(db.sql, claims)).toBeGreaterThan(0);
  });

  it("reveals that two parties hold a renewal secret", async () => {
    await fill();
    const { renewalSecret } = victim.agent;
    await renew(db.sql, renewalSecret);
    await db.advance("31 seconds");
    expect((await renew(db.sql, renewalSecret)).refused).toBe("renewal_reused");
    expect(await run(blockWith("used twice"))).toBe(1);
  });

  it("makes a renewal secret useless, and keeps the token", async () => {
    await fill();
    await run(blockWith("delete from mayfly_private.renewal_secrets"));
    expect(await codeOf(renew(db.sql, victim.agent.renewalSecret))).toBe("renewal_refused");
    expect(await sees(db.sql, victim.agent.claims)).toBeGreaterThan(0);
  });

  it("shows the agents of an enrolment key, and then revokes the key and stops them", async () => {
    await fill();
    const machine = machineClaims(victim.key);
    const { claims } = await rpc<Issued>(db.sql, machine, "spawn_agent");
    expect(await run(blockWith("k.last_used_at"))).toBe(1);
    await run(blockWith("enrolment key revoked"));
    expect(await codeOf(rpc(db.sql, machine, "spawn_agent"))).toBe("not_authorized");
    expect(await sees(db.sql, claims)).toBe(0);
  });

  it("removes a person's membership at once, and then their agents", async () => {
    await fill();
    const { claims } = await rpc<Issued>(db.sql, victim.owner, "spawn_agent");
    await run(blockWith("delete from mayfly.members"));
    expect(await sees(db.sql, victim.owner)).toBe(0);
    expect(await sees(db.sql, claims)).toBeGreaterThan(0);
    await run(blockWith("member removed"));
    expect(await sees(db.sql, claims)).toBe(0);
  });

  it("stops everything in a tenant, and nothing in another", async () => {
    const other = await fillTenant(db.sql);
    await fill();
    await run(blockWith("emergency"));
    expect(await sees(db.sql, victim.agent.claims)).toBe(0);
    expect(await codeOf(rpc(db.sql, machineClaims(victim.key), "spawn_agent"))).toBe(
      "not_authorized",
    );
    expect(await sees(db.sql, other.agent.claims)).toBeGreaterThan(0);
    const [row] =
      await db.sql`select count(*)::int as memories from mayfly.memories where tenant_id = ${victim.tenant}`;
    expect(row?.memories).toBeGreaterThan(0);
  });

  it("is right about what agents can never have", async () => {
    const rows = await db.sql`select name from mayfly.scopes where not agents order by 1`;
    const names = rows.map((row) => row.name as string);
    for (const name of ["member:write", "key:write", "tenant:write"]) expect(names).toContain(name);
    await fill();
    const { tenant } = victim;
    for (const name of names)
      expect(await codeOf(makeAgent(db.sql, tenant, { scopes: [name] }))).toBe(
        "scope_not_for_agents",
      );
  });
});
