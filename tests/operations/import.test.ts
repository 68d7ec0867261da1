import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { fillTenant } from "#harness/sweep";
import { storedBy } from "#harness/usage";

interface Line {
  table: string;
  row: Record<string, unknown>;
}
interface Imported {
  stored: number;
  known: number;
  left_out: Record<string, number>;
  waiting: number[];
}

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

async function exported(owner: Claims): Promise<Line[]> {
  const lines: Line[] = [];
  let page = { lines: [] as Line[], after: null as unknown, more: true };
  while (page.more) {
    page = await rpc(db.sql, owner, "export_tenant", { after: page.after });
    lines.push(...page.lines);
  }
  return lines;
}

const take = (tenant: string, lines: Line[]) =>
  rpc<Imported>(db.sql, serviceRole, "import_tenant", { lines }, inTenant(tenant));

/** Imports lines again until no line waits for another one. */
async function takeAll(tenant: string, lines: Line[]): Promise<Imported> {
  const done = await take(tenant, lines);
  const rest = done.waiting.map((place) => lines[place - 1] as Line);
  if (rest.length === 0) return done;
  expect(rest.length).toBeLessThan(lines.length);
  const then = await takeAll(tenant, rest);
  const [stored, known] = [done.stored + then.stored, done.known + then.known];
  return { ...done, stored, known, waiting: [] };
}

const makeCopy = async () => {
  const tenant = await makeTenant(db.sql);
  return { tenant, owner: await makePerson(db.sql, { [tenant]: "owner" }) };
};

/** What an import does not restore, and why it cannot. `sql/<room>/imports.sql` tells users the same. */
const leftOut = [
  "artifacts",
  "enrolment_keys",
  "events",
  "invitations",
  "job_signals",
  "jobs",
  "members",
];
/** Columns that the import sets. */
const own = [
  "tenant_id",
  "seq",
  "session",
  "opened_at",
  "settled",
  "status",
  "stopped_at",
  "stop_reason",
  "ended_at",
  "end_reason",
  "closed_at",
  "decided_at",
  "paused",
  "next_at",
  "held_usd",
  "held_tokens",
];

describe("the import of an export", () => {
  it("brings back every row of an export, except those of the tables that its answer names", async () => {
    const victim = await fillTenant(db.sql);
    const lines = await exported(victim.owner);
    const copy = await makeCopy();
    const done = await takeAll(copy.tenant, lines);
    expect(Object.keys(done.left_out).sort()).toEqual(
      expect.arrayContaining(leftOut.filter((name) => lines.some(({ table }) => table === name))),
    );
    const comparable = (all: Line[]) =>
      all
        .filter(
          ({ table }) =>
            ![...leftOut, "tenants", "job_attributes", "job_steps", "job_attempts"].includes(table),
        )
        .map(({ table, row }) => {
          const kept = Object.entries(row).filter(
            ([name]) => !(own.includes(name) && !(name === "seq" && table === "deliveries")),
          );
          return JSON.stringify([table, Object.fromEntries(kept)]);
        })
        .sort();
    expect(comparable(await exported(copy.owner))).toEqual(comparable(lines));
    const others = lines.filter(({ table }) => table !== "tenants").length;
    const not = Object.values(done.left_out).reduce((sum, n) => sum + n, 0);
    expect(done).toMatchObject({ stored: others - not, known: 0 });
  });

  it("starts nothing: no agent is alive, no schedule fires, and everything open has ended", async () => {
    const victim = await fillTenant(db.sql);
    const copy = await makeCopy();
    await takeAll(copy.tenant, await exported(victim.owner));
    const [found] = await db.sql`
      select (select count(*)::int from mayfly.agents a where a.tenant_id = ${copy.tenant} and a.status in ('running', 'suspended')) as living,
        (select count(*)::int from mayfly.job_schedules s where s.tenant_id = ${copy.tenant} and (not s.paused or s.next_at is not null)) as schedules,
        (select count(*)::int from mayfly.runs r where r.tenant_id = ${copy.tenant} and r.ended_at is null) as runs,
        (select count(*)::int from mayfly.teams t where t.tenant_id = ${copy.tenant} and t.status = 'running') as teams,
        (select count(*)::int from mayfly.polls p where p.tenant_id = ${copy.tenant} and p.status = 'open') as polls,
        (select count(*)::int from mayfly.approvals p where p.tenant_id = ${copy.tenant} and p.status = 'pending') as approvals`;
    expect(found).toEqual({ living: 0, schedules: 0, runs: 0, teams: 0, polls: 0, approvals: 0 });
  });

  it("charges exactly what it stores, and nothing for known rows", async () => {
    const victim = await fillTenant(db.sql);
    const lines = await exported(victim.owner);
    const copy = await makeCopy();
    const first = await takeAll(copy.tenant, lines);
    const charged = await storedBy(db.sql, copy.owner);
    expect(charged.bytes).toBeGreaterThan(0);
    await db.sql`select mayfly_private.recount_usage(${copy.tenant})`;
    expect(await storedBy(db.sql, copy.owner)).toEqual(charged);
    expect(await take(copy.tenant, lines)).toMatchObject({ stored: 0, known: first.stored });
    expect(await storedBy(db.sql, copy.owner)).toEqual(charged);
  });

  it("stores a child that comes before its parent after the parent", async () => {
    const tenant = await makeTenant(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes: [] });
    const agents = (await exported(owner)).filter(({ table }) => table === "agents");
    const [of, from] = [child.id, parent.id].map((id) => agents.find(({ row }) => row.id === id));
    const copy = await makeCopy();
    expect(await take(copy.tenant, [of as Line])).toMatchObject({ stored: 0, waiting: [1] });
    expect(await take(copy.tenant, [from as Line])).toMatchObject({ stored: 1, waiting: [] });
    expect(await take(copy.tenant, [of as Line])).toMatchObject({ stored: 1, waiting: [] });
  });

  it("sets the settings that admins can change, but not name and quotas", async () => {
    const tenant = await makeTenant(db.sql, { language: "french", max_memories: 7, max_depth: 2 });
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const copy = await makeCopy();
    await take(copy.tenant, await exported(owner));
    const [row] = await db.sql`
      select language, max_depth, max_memories::int from mayfly.tenants where id = ${copy.tenant}`;
    expect(row).toEqual({ language: "french", max_depth: 2, max_memories: 1_000_000 });
  });

  it("stays within the tenant and its quotas", async () => {
    const source = await makeCopy();
    const copy = { tenant: await makeTenant(db.sql, { max_memories: 0 }) };
    const row = { id: randomUUID(), tenant_id: source.tenant, task: "Keep" };
    const line = { table: "memories", row };
    expect(await codeOf(take(copy.tenant, [line]))).toBe("quota_exceeded");
    expect(await take((await makeCopy()).tenant, [line])).toMatchObject({ stored: 1 });
    const [found] = await db.sql`
      select count(*)::int from mayfly.memories where tenant_id = ${source.tenant}`;
    expect(found?.count).toBe(0);
  });

  it("refuses an invalid line, and names the table", async () => {
    const { tenant, owner } = await makeCopy();
    const refused = (table: string, row: Record<string, unknown>) =>
      refusalOf(take(tenant, [{ table, row }]));
    for (const [table, row] of [
      ["memories", { id: randomUUID(), task: "x".repeat(2_001) }],
      ["memories", { id: "no uuid", task: "x" }],
      ["memories", { id: randomUUID(), task: "x", colour: "red" }],
      ["memories", { id: randomUUID(), task: null }],
      ["scopes", { name: "memory:read" }],
      ["pg_class", {}],
      ["memories", null as never],
    ] as const)
      expect(await refused(table, row), table).toMatchObject({
        code: "invalid_request",
        details: { field: "lines", table },
      });
    expect(await codeOf(take(tenant, {} as never))).toBe("invalid_request");
    expect(await codeOf(take(tenant, Array(1_001).fill({})))).toBe("invalid_request");
    expect(await codeOf(rpc(db.sql, owner, "import_tenant", { lines: [] as never }))).toBe("42501");
  });
});
