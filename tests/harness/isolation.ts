/** Tables and attacks, to test the isolation of tenants: those of all rooms, and of rooms that a test adds. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { actAs, machineClaims, makeAgent, type SpawnedAgent, type Sql } from "./callers.ts";
import {
  type Caller,
  fillTenant,
  longest,
  makeStrangers,
  type RoomSweep,
  sweeps,
  type Victim,
} from "./sweep.ts";

export interface Isolation {
  sql: Sql;
  victim: Victim;
  /** An agent in the victim's tenant, without scopes. */
  bare: SpawnedAgent;
  strangers: Record<string, Caller>;
  tables: string[];
  /** For each table, the scopes that show its rows. Null if every member sees them. */
  shownBy: Record<string, string[] | null>;
  common: string[];
}

export async function openIsolation(sql: Sql, more: RoomSweep[] = []): Promise<Isolation> {
  const all = [...sweeps, ...more];
  const victim = await fillTenant(sql, more);
  const bare = await makeAgent(sql, victim.tenant, { lifetime: longest, scopes: [] });
  const strangers = await makeStrangers(sql, victim, more);
  // The secret key may read every table. Only functions refuse it here, because it has to name a tenant for
  // them.
  delete strangers["the secret key, naming no tenant"];
  const common = all.flatMap((room) => room.common ?? []);
  const rows = await sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mayfly' and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`;
  const tables = rows.map((row) => row.name as string).filter((name) => !common.includes(name));
  const shownBy: Isolation["shownBy"] = {};
  for (const [table, by] of all.flatMap((room) => Object.entries(room.shownBy ?? {})))
    shownBy[table] = typeof by === "function" ? await by(sql) : by === null ? null : [by];
  return { sql, victim, bare, strangers, tables, shownBy, common };
}

const columnOf = (table: string) => (table === "tenants" ? "id" : "tenant_id");
const ofVictim = ({ victim }: Isolation, table: string) =>
  `where ${columnOf(table)} = '${victim.tenant}'`;

/** Runs a statement as a caller. Returns the number of rows or `denied`, and rolls everything back. */
export async function attempt(
  { sql }: Isolation,
  caller: Caller,
  statement: string,
): Promise<number | "denied"> {
  let count = 0;
  const undo = new Error("undo");
  return actAs(
    sql,
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

/** Inserts a copy of one of the victim's rows with another id, so that only policies can refuse it. */
export async function insertionInto(isolation: Isolation, table: string): Promise<string> {
  const { sql, common } = isolation;
  const [column] = await sql`
    select string_agg(quote_ident(attname), ', ') as names from pg_attribute
    where attrelid = ${`mayfly.${table}`}::regclass and attnum > 0 and not attisdropped
      and attgenerated = '' and attidentity = ''`;
  const where = common.includes(table) ? "" : ofVictim(isolation, table);
  const rows = await sql.unsafe(
    `select to_jsonb(t) as row from mayfly.${table} t ${where} limit 1`,
  );
  const row = { ...(rows[0]?.row as object), ...(table !== "tenants" && { id: randomUUID() }) };
  const json = JSON.stringify(row).replaceAll("'", "''");
  const names = column?.names as string;
  return `insert into mayfly.${table} (${names}) select ${names} from jsonb_populate_record(null::mayfly.${table}, '${json}')`;
}

const changes = (isolation: Isolation, table: string) => [
  `update mayfly.${table} set ${columnOf(table)} = ${columnOf(table)} ${ofVictim(isolation, table)}`,
  `delete from mayfly.${table} ${ofVictim(isolation, table)}`,
];

export async function expectRowsOfVictim(isolation: Isolation): Promise<void> {
  const { sql, tables, shownBy } = isolation;
  expect(tables, "say in the sweep.ts of its room which scope shows it").toEqual(
    Object.keys(shownBy).sort(),
  );
  for (const table of tables) {
    const [row] = await sql.unsafe(
      `select count(*)::int from mayfly.${table} ${ofVictim(isolation, table)}`,
    );
    expect(row?.count, `${table}: fill it in the sweep.ts of its room`).toBeGreaterThan(0);
  }
}

export async function expectNothingForStrangers(isolation: Isolation): Promise<void> {
  for (const table of isolation.tables) {
    const statements = [
      `select * from mayfly.${table} ${ofVictim(isolation, table)}`,
      ...changes(isolation, table),
    ];
    const insertion = await insertionInto(isolation, table);
    for (const [who, caller] of Object.entries(isolation.strangers)) {
      for (const statement of statements)
        expect([0, "denied"], `${who}: ${statement}`).toContain(
          await attempt(isolation, caller, statement),
        );
      expect(await attempt(isolation, caller, insertion), `${who}: into ${table}`).toBe("denied");
    }
  }
}

async function expectNoWrite(isolation: Isolation, caller: Caller, table: string): Promise<void> {
  for (const statement of changes(isolation, table))
    expect([0, "denied"], statement).toContain(await attempt(isolation, caller, statement));
  const insertion = await insertionInto(isolation, table);
  expect(await attempt(isolation, caller, insertion), table).toBe("denied");
}

export async function expectRoleForViewer(isolation: Isolation): Promise<void> {
  const { sql, tables, shownBy, victim } = isolation;
  const known = await sql`select name, roles from mayfly.scopes`;
  const roles = new Map(known.map((row) => [row.name, row.roles as string[]]));
  const viewer = { claims: victim.viewer };
  for (const table of tables) {
    const scopes = shownBy[table] ?? null;
    const sees = scopes === null || scopes.some((scope) => roles.get(scope)?.includes("viewer"));
    const select = `select * from mayfly.${table} ${ofVictim(isolation, table)}`;
    expect((await attempt(isolation, viewer, select)) !== 0, table).toBe(sees);
    await expectNoWrite(isolation, viewer, table);
  }
}

export async function expectItselfForBare(isolation: Isolation): Promise<void> {
  const { tables, bare, victim } = isolation;
  const machine = { claims: machineClaims(victim.key) };
  for (const table of tables) {
    const select = `select * from mayfly.${table} ${ofVictim(isolation, table)}`;
    const own = ["agents", "tenants"].includes(table) ? 1 : 0;
    expect(
      await attempt(isolation, { claims: bare.claims }, select),
      `agent without scopes: ${table}`,
    ).toBe(own);
    expect(await attempt(isolation, machine, select), `machine: ${table}`).toBe(0);
    for (const caller of [machine, { claims: bare.claims }])
      await expectNoWrite(isolation, caller, table);
  }
}

export async function expectOwnScopeForEach(isolation: Isolation): Promise<void> {
  const { sql, tables, shownBy, victim } = isolation;
  const known = await sql`select name from mayfly.scopes where agents`;
  const names = known.map((row) => row.name as string);
  for (const shown of new Set(Object.values(shownBy).map((scopes) => scopes?.join(", ")))) {
    if (shown === undefined) continue;
    const agent = await makeAgent(sql, victim.tenant, {
      scopes: names.filter((name) => !shown.split(", ").includes(name)),
    });
    for (const table of tables.filter((name) => shownBy[name]?.join(", ") === shown)) {
      const others = table === "agents" ? `and id <> '${agent.id}'` : "";
      const select = `select * from mayfly.${table} ${ofVictim(isolation, table)} ${others}`;
      const seen = await attempt(isolation, { claims: agent.claims }, select);
      expect(seen, `${table} without ${shown}`).toBe(0);
    }
  }
}
