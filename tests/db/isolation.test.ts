import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  anon,
  type Claims,
  inSeconds,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  type SpawnedAgent,
  serviceRole,
} from "../harness/callers.ts";
import { openTestDatabase, type TestDatabase } from "../harness/database.ts";
import { putOf } from "../harness/operations.ts";

let db: TestDatabase;
let victim: string;
let victimAgent: SpawnedAgent;
let memoryId: string;
/** Everyone who is somebody, and nobody to the victim. */
let strangers: Record<string, { claims: Claims; headers?: Record<string, string> }>;
let tables: string[];

beforeAll(async () => {
  db = await openTestDatabase();
  const { sql } = db;
  victim = await makeTenant(sql);
  victimAgent = await makeAgent(sql, victim);
  memoryId = randomUUID();
  const push = [
    {
      ...putOf({ id: memoryId, task: "the secret plan" }),
      embedding: Array(384).fill(0.1),
      model: "m",
    },
  ];
  await actAs(
    sql,
    victimAgent.claims,
    (session) => session`select mayfly.sync(${session.json(push)})`,
  );
  await makePerson(sql, { [victim]: "owner" });

  const own = await makeTenant(sql);
  const owner = await makePerson(sql, { [own]: "owner" });
  const stopped = await makeAgent(sql, victim);
  await actAs(sql, stopped.claims, (session) => session`select mayfly.stop_agent()`);
  const ownAgent = await makeAgent(sql, own);
  strangers = {
    anon: { claims: anon },
    "a person without a tenant": { claims: await makePerson(sql, {}) },
    "the owner of another tenant": { claims: owner },
    "the owner of another tenant, naming this one": { claims: owner, headers: inTenant(victim) },
    "an agent of another tenant": { claims: ownAgent.claims },
    "an agent of another tenant, naming this one": {
      claims: ownAgent.claims,
      headers: inTenant(victim),
    },
    "an agent of another tenant whose claims name this one": {
      claims: {
        ...ownAgent.claims,
        mayfly: { ...(ownAgent.claims.mayfly as object), tenant: victim },
      },
    },
    "a stopped agent of this tenant": { claims: stopped.claims },
    "an agent of this tenant by a wrong issuer": {
      claims: { ...victimAgent.claims, iss: "somebody" },
    },
    "an agent of this tenant before its time": {
      claims: { ...victimAgent.claims, nbf: Math.floor(Date.now() / 1000) + 60 },
    },
    "a person whose id is the agent's": {
      claims: { sub: victimAgent.id, role: "authenticated", iss: "http://127.0.0.1:54321/auth/v1", exp: inSeconds(60) },
    },
  };
  const rows = await sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mayfly' and c.relkind in ('r', 'p', 'v', 'm') order by 1`;
  tables = rows.map((row) => row.name as string);
});
afterAll(() => db.close());

/** What a stranger gets when it tries: the number of rows, or `denied`. */
async function attempt(who: string, statement: string): Promise<number | "denied"> {
  const { claims, headers } = strangers[who] ?? { claims: anon };
  return actAs(
    db.sql,
    claims,
    async (session) => (await session.unsafe(statement)).count,
    headers,
  ).catch((error: { code: string }) => {
    if (error.code === "42501") return "denied";
    throw error;
  });
}

describe("isolation of tenants", () => {
  it("is tried on every table, each with a row of the victim", async () => {
    for (const table of tables.filter((name) => name !== "scopes")) {
      const column = table === "tenants" ? "id" : "tenant_id";
      const [row] = await db.sql.unsafe(
        `select count(*) from mayfly.${table} where ${column} = '${victim}'`,
      );
      expect(
        Number(row?.count),
        `${table}: give the victim a row of it in beforeAll`,
      ).toBeGreaterThan(0);
    }
  });

  it("shows nobody else a row, and lets nobody else change or delete one", async () => {
    for (const who of Object.keys(strangers)) {
      for (const table of tables.filter((name) => name !== "scopes")) {
        const column = table === "tenants" ? "id" : "tenant_id";
        const where = `where ${column} = '${victim}'`;
        for (const statement of [
          `select * from mayfly.${table} ${where}`,
          `update mayfly.${table} set ${column} = ${column} ${where}`,
          `delete from mayfly.${table} ${where}`,
        ]) {
          expect([0, "denied"], `${who}: ${statement}`).toContain(await attempt(who, statement));
        }
      }
    }
  });

  it("lets nobody else insert a row", async () => {
    for (const who of Object.keys(strangers)) {
      for (const table of tables) {
        const [column] = await db.sql`
          select string_agg(quote_ident(attname), ', ') as names from pg_attribute
          where attrelid = ${`mayfly.${table}`}::regclass and attnum > 0 and not attisdropped
            and attgenerated = '' and attidentity = ''`;
        const names = column?.names as string;
        const rows = await db.sql.unsafe(
          `select to_jsonb(t) as row from mayfly.${table} t where ${table === "scopes" ? "true" : `to_jsonb(t) ->> '${table === "tenants" ? "id" : "tenant_id"}' = '${victim}'`} limit 1`,
        );
        const row = JSON.stringify(rows[0]?.row).replaceAll("'", "''");
        const statement = `insert into mayfly.${table} (${names}) select ${names} from jsonb_populate_record(null::mayfly.${table}, '${row}')`;
        expect(await attempt(who, statement), `${who}: ${table}`).toBe("denied");
      }
    }
  });

  it("is tried on every function that is exposed, and each refuses or shows nothing", async () => {
    const attacks: Record<string, string> = {
      create_tenant: "select mayfly.create_tenant('x')",
      recall: "select * from mayfly.recall('secret plan')",
      renew_agent: "select mayfly.renew_agent()",
      spawn_agent: `select 1 from mayfly.spawn_agent('intruder') s where s -> 'agent' ->> 'tenant_id' = '${victim}'`,
      stop_agent: `select mayfly.stop_agent('${victimAgent.id}')`,
      sync: `select 1 from mayfly.sync() s where s::text like '%secret plan%'`,
      tenant_ids: `select 1 where '${victim}' = any (mayfly.tenant_ids())`,
    };
    const exposed = await db.sql`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'mayfly'`;
    expect(exposed.map((row) => row.name as string).sort()).toEqual(Object.keys(attacks).sort());

    for (const who of Object.keys(strangers)) {
      for (const [name, statement] of Object.entries(attacks)) {
        const { claims, headers } = strangers[who] ?? { claims: anon };
        const outcome = await actAs(
          db.sql,
          claims,
          async (session) => (await session.unsafe(statement)).count,
          headers,
        ).catch((error: { code: string }) => error.code);
        expect([0, "PGRST", "42501"], `${who}: ${name}`).toContain(outcome);
      }
    }
    const [agent] = await db.sql`select status from mayfly.agents where id = ${victimAgent.id}`;
    expect(agent?.status).toBe("running");
  });

  it("answers for another tenant's agent as for one that does not exist", async () => {
    const { claims } = strangers["the owner of another tenant"] ?? { claims: anon };
    const tell = (id: string) =>
      refusalOf(actAs(db.sql, claims, (session) => session`select mayfly.stop_agent(${id})`));
    expect(await tell(victimAgent.id)).toEqual(await tell(randomUUID()));
  });

  it("lets two tenants have memories of the same id", async () => {
    const other = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, other);
    await actAs(
      db.sql,
      agent.claims,
      (session) =>
        session`select mayfly.sync(${session.json([putOf({ id: memoryId, task: "mine" })])})`,
    );
    const rows = await actAs(
      db.sql,
      agent.claims,
      (session) => session`select task from mayfly.memories`,
    );
    expect([...rows]).toEqual([{ task: "mine" }]);
  });

  it("gives the secret key no tenant that it does not name", async () => {
    const refusal = await refusalOf(
      actAs(db.sql, serviceRole, (session) => session`select mayfly.sync()`),
    );
    expect(refusal.code).toBe("tenant_unknown");
  });
});
