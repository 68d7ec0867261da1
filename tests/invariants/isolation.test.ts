import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  anon,
  codeOf,
  inTenant,
  machineClaims,
  makeAgent,
  makeTenant,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";
import { type Caller, fillTenant, makeStrangers, type Victim } from "./sweep.ts";

/** The scope that shows the rows of each table; null where belonging to the tenant is enough. */
const shownBy: Record<string, string | null> = {
  agent_liveness: "agent:read",
  agent_types: "agent:read",
  agents: "agent:read",
  channel_subscriptions: "message:read",
  channels: "message:read",
  deliveries: "message:read",
  debug_records: "debug:read",
  enrolment_keys: "key:write",
  events: "memory:read",
  inboxes: "message:read",
  invitations: "member:write",
  finished_jobs: "job:read",
  job_attempts: "job:read",
  job_queues: "job:read",
  job_schedules: "job:read",
  job_signals: "job:read",
  job_steps: "job:read",
  jobs: "job:read",
  members: "member:read",
  memories: "memory:read",
  memory_conflicts: "memory:read",
  memory_vectors: "memory:read",
  messages: "message:read",
  state_versions: "state:read",
  states: "state:read",
  tenants: null,
};
/** What is the same for everyone who is signed in, and changed by nobody. */
const common = ["scopes"];

let db: TestDatabase;
let victim: Victim;
let bare: SpawnedAgent;
let strangers: Record<string, Caller>;
let tables: string[];

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  bare = await makeAgent(db.sql, victim.tenant, { scopes: [] });
  strangers = await makeStrangers(db.sql, victim);
  // The secret key reads every table: it is told apart by the functions, which ask for a tenant.
  delete strangers["the secret key, naming no tenant"];
  const rows = await db.sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mayfly' and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`;
  tables = rows.map((row) => row.name as string).filter((name) => !common.includes(name));
});
afterAll(() => db.close());

const columnOf = (table: string) => (table === "tenants" ? "id" : "tenant_id");
const ofVictim = (table: string) => `where ${columnOf(table)} = '${victim.tenant}'`;

/** What a caller gets when it tries: the number of rows, or `denied`. Nothing of it stays. */
async function attempt(caller: Caller, statement: string): Promise<number | "denied"> {
  let count = 0;
  const undo = new Error("undo");
  return actAs(
    db.sql,
    caller.claims,
    async (session) => {
      count = (await session.unsafe(statement)).count;
      throw undo;
    },
    caller.headers,
  ).catch((error: Error & { code?: string }) => {
    if (error === undo) return count;
    if (error.code === "42501") return "denied";
    throw error;
  });
}

/** Inserts a copy of one of the victim's rows under another id, so that only policies are in the way. */
async function insertionInto(table: string): Promise<string> {
  const [column] = await db.sql`
    select string_agg(quote_ident(attname), ', ') as names from pg_attribute
    where attrelid = ${`mayfly.${table}`}::regclass and attnum > 0 and not attisdropped
      and attgenerated = '' and attidentity = ''`;
  const where = common.includes(table) ? "" : ofVictim(table);
  const rows = await db.sql.unsafe(
    `select to_jsonb(t) as row from mayfly.${table} t ${where} limit 1`,
  );
  const row = { ...(rows[0]?.row as object), ...(table !== "tenants" && { id: randomUUID() }) };
  const json = JSON.stringify(row).replaceAll("'", "''");
  const names = column?.names as string;
  return `insert into mayfly.${table} (${names}) select ${names} from jsonb_populate_record(null::mayfly.${table}, '${json}')`;
}

describe("isolation of tenants", () => {
  it("is tried on every table, each with a row of the victim", async () => {
    expect(tables, "say in `shownBy` which scope shows it").toEqual(Object.keys(shownBy).sort());
    for (const table of tables) {
      const [row] = await db.sql.unsafe(
        `select count(*)::int from mayfly.${table} ${ofVictim(table)}`,
      );
      expect(row?.count, `${table}: give fillTenant a row of it`).toBeGreaterThan(0);
    }
  });

  it("shows no stranger a row, and lets none change, delete or insert one", async () => {
    for (const table of tables) {
      const statements = [
        `select * from mayfly.${table} ${ofVictim(table)}`,
        `update mayfly.${table} set ${columnOf(table)} = ${columnOf(table)} ${ofVictim(table)}`,
        `delete from mayfly.${table} ${ofVictim(table)}`,
      ];
      const insertion = await insertionInto(table);
      for (const [who, caller] of Object.entries(strangers)) {
        for (const statement of statements)
          expect([0, "denied"], `${who}: ${statement}`).toContain(await attempt(caller, statement));
        expect(await attempt(caller, insertion), `${who}: into ${table}`).toBe("denied");
      }
    }
  });

  it("lets nobody change what is common to all", async () => {
    const callers = {
      ...strangers,
      owner: { claims: victim.owner },
      agent: { claims: victim.agent.claims },
    };
    for (const table of common) {
      for (const [who, caller] of Object.entries(callers)) {
        for (const statement of [
          `update mayfly.${table} set name = name`,
          `delete from mayfly.${table}`,
          await insertionInto(table),
        ])
          expect(await attempt(caller, statement), `${who}: ${statement}`).toBe("denied");
      }
    }
  });

  it("shows a viewer what its role shows, and lets it write nothing", async () => {
    const roles = new Map(
      (await db.sql`select name, roles from mayfly.scopes`).map((row) => [
        row.name,
        row.roles as string[],
      ]),
    );
    const viewer = { claims: victim.viewer };
    for (const table of tables) {
      const scope = shownBy[table] ?? null;
      const sees = scope === null || roles.get(scope)?.includes("viewer");
      const seen = await attempt(viewer, `select * from mayfly.${table} ${ofVictim(table)}`);
      expect(seen !== 0, table).toBe(sees);
      for (const statement of [
        `update mayfly.${table} set ${columnOf(table)} = ${columnOf(table)} ${ofVictim(table)}`,
        `delete from mayfly.${table} ${ofVictim(table)}`,
      ])
        expect([0, "denied"], statement).toContain(await attempt(viewer, statement));
      expect(await attempt(viewer, await insertionInto(table)), table).toBe("denied");
    }
  });

  it("shows an agent without scopes itself and its tenant, and a machine nothing", async () => {
    const machine = { claims: machineClaims(victim.key) };
    for (const table of tables) {
      const select = `select * from mayfly.${table} ${ofVictim(table)}`;
      const own = ["agents", "tenants"].includes(table) ? 1 : 0;
      expect(await attempt({ claims: bare.claims }, select), `bare agent: ${table}`).toBe(own);
      expect(await attempt(machine, select), `machine: ${table}`).toBe(0);
      const insertion = await insertionInto(table);
      for (const caller of [machine, { claims: bare.claims }]) {
        expect(await attempt(caller, insertion), table).toBe("denied");
        for (const statement of [
          `update mayfly.${table} set ${columnOf(table)} = ${columnOf(table)} ${ofVictim(table)}`,
          `delete from mayfly.${table} ${ofVictim(table)}`,
        ])
          expect([0, "denied"], statement).toContain(await attempt(caller, statement));
      }
    }
  });

  it("hides each table from an agent that has every scope but its own", async () => {
    const known = await db.sql`select name from mayfly.scopes where agents`;
    const names = known.map((row) => row.name as string);
    for (const scope of new Set(Object.values(shownBy))) {
      if (scope === null) continue;
      const agent = await makeAgent(db.sql, victim.tenant, {
        scopes: names.filter((name) => name !== scope),
      });
      for (const table of tables.filter((name) => shownBy[name] === scope)) {
        const others = table === "agents" ? `and id <> '${agent.id}'` : "";
        const select = `select * from mayfly.${table} ${ofVictim(table)} ${others}`;
        expect(await attempt({ claims: agent.claims }, select), `${table} without ${scope}`).toBe(
          0,
        );
      }
    }
  });

  it("lets two tenants have memories of the same id", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const push = [putOf({ id: victim.memory, task: "mine" })];
    await actAs(
      db.sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json(push)})`,
    );
    const rows = await actAs(
      db.sql,
      agent.claims,
      (session) => session`select task from mayfly.memories`,
    );
    expect([...rows]).toEqual([{ task: "mine" }]);
  });

  it("lets an agent send the tenant that it belongs to, and no other", async () => {
    const { claims } = victim.agent;
    expect(await rpc(db.sql, claims, "tenant_ids", {}, inTenant(victim.tenant))).toEqual([
      victim.tenant,
    ]);
    expect(await rpc(db.sql, claims, "tenant_ids", {}, inTenant(randomUUID()))).toEqual([]);
    expect(await rpc(db.sql, serviceRole, "tenant_ids", {}, inTenant(randomUUID()))).toEqual([]);
    expect(await codeOf(rpc(db.sql, anon, "tenant_ids"))).toBe("42501");
  });
});
