import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, machineClaims, makeAgent, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  type Attack,
  type Caller,
  fillTenant,
  makeStrangers,
  sweeps,
  type Victim,
} from "#harness/sweep";

let db: TestDatabase;
let victim: Victim;
let strangers: Record<string, Caller>;
let attacks: Record<string, Attack>;

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  strangers = await makeStrangers(db.sql, victim);
  attacks = Object.assign({}, ...sweeps.map((room) => room.attacks?.(victim)));
});
afterAll(() => db.close());

const attack = (caller: Caller, name: string) =>
  rpc<unknown>(db.sql, caller.claims, name, attacks[name]?.values, caller.headers);
/** The answer of a function, or `refused`. */
const outcome = (caller: Caller, name: string) =>
  attack(caller, name).then(
    (answer) => JSON.stringify(answer ?? null),
    (error: { code: string; message: string }) => {
      if (["PGRST", "42501"].includes(error.code)) return "refused";
      throw error;
    },
  );

/** Everything that belongs to the victim. */
async function fingerprint() {
  const tables = await db.sql`
    select c.oid::regclass::text as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p')`;
  const prints: Record<string, unknown> = {};
  for (const { name } of tables) {
    const [row] = await db.sql.unsafe(
      `select md5(string_agg(to_jsonb(t)::text, '|' order by to_jsonb(t)::text)) as print from ${name} t where tenant_id = '${victim.tenant}'`,
    );
    prints[name as string] = row?.print;
  }
  const [row] =
    await db.sql`select md5(to_jsonb(t)::text) as print from mayfly.tenants t where id = ${victim.tenant}`;
  return { ...prints, tenants: row?.print };
}

describe("isolation of the functions", () => {
  it("is tried on every function that is exposed", async () => {
    const exposed = await db.sql`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'mayfly'`;
    expect(
      exposed.map((row) => row.name as string).sort(),
      "say in the sweep.ts of its room how it is called against a victim, and what it needs",
    ).toEqual(Object.keys(attacks).sort());
  });

  it("tells strangers nothing, and lets them change nothing", async () => {
    const before = await fingerprint();
    const secrets = [
      victim.tenant,
      victim.agent.id,
      victim.memory,
      String(victim.owner.sub),
      "secret p",
    ];
    for (const [who, caller] of Object.entries(strangers)) {
      for (const name of Object.keys(attacks)) {
        const answer = await outcome(caller, name);
        // Only the victim has these ids, so an answer with one of them reveals the victim's rows.
        const told = secrets.slice(0, 4).filter((secret) => answer.includes(secret));
        expect(told, `${who}: ${name} answered ${answer.slice(0, 200)}`).toEqual([]);
      }
    }
    expect(await fingerprint()).toEqual(before);
  });

  it("refuses everything to anon and to unknown callers", async () => {
    const nobodies = Object.entries(strangers).filter(([who]) =>
      /^anon|of this tenant|revoked/.test(who),
    );
    expect(nobodies.length).toBeGreaterThan(8);
    for (const [who, caller] of nobodies)
      for (const name of Object.keys(attacks).filter(
        (known) => !["tenant_ids", "my_invitations", "embedding_dimensions"].includes(known),
      ))
        expect(await outcome(caller, name), `${who}: ${name}`).toBe("refused");
  });

  it("lets a viewer change nothing", async () => {
    const before = await fingerprint();
    for (const [name, { viewer }] of Object.entries(attacks)) {
      if (name === "leave_tenant" || viewer === "own") continue;
      const answer = await outcome({ claims: victim.viewer }, name);
      expect(answer === "refused" ? "may not" : "may", name).toBe(viewer);
    }
    expect(await fingerprint()).toEqual(before);
  });

  it("refuses each function to an agent with every scope but the needed one", async () => {
    const known = await db.sql`select name from mayfly.scopes where agents`;
    const scopes = known.map((row) => row.name as string);
    for (const [name, { needs, only }] of Object.entries(attacks)) {
      if (needs === null && (only === undefined || only === "agent")) continue;
      const { claims } = await makeAgent(db.sql, victim.tenant, {
        scopes: scopes.filter((scope) => scope !== needs),
      });
      const answer = await outcome({ claims }, name);
      if (name === "my_invitations") expect(answer).toBe("[]");
      else expect(answer, `${name} without ${needs}`).toBe("refused");
    }
  });

  it("refuses each function to an OAuth client with every scope but the needed one", async () => {
    const [known] = await db.sql`select mayfly_private.grantable_to_clients() as scopes`;
    const client = { claims: { ...victim.owner, client_id: "narrow" } };
    const before = await fingerprint();
    for (const [name, { needs, only }] of Object.entries(attacks)) {
      if (needs === null && only === undefined) continue;
      const scopes = (known?.scopes as string[]).filter((scope) => scope !== needs);
      await rpc(db.sql, victim.owner, "grant_client", { client_id: "narrow", scopes });
      const answer = await outcome(client, name);
      if (name === "my_invitations") expect(answer).toBe("[]");
      else expect(answer, `${name} without ${needs}`).toBe("refused");
    }
    await rpc(db.sql, victim.owner, "revoke_client", { client_id: "narrow" });
    expect(await fingerprint()).toEqual(before);
  });

  it("refuses a machine everything except spawning", async () => {
    const machine = { claims: machineClaims(victim.key) };
    for (const name of Object.keys(attacks)) {
      // The length of vectors is the project's, not a tenant's.
      if (name === "embedding_dimensions") continue;
      if (["tenant_ids", "my_invitations"].includes(name))
        expect(await outcome(machine, name), name).toBe("[]");
      else if (!name.startsWith("spawn_"))
        expect(await outcome(machine, name), name).toBe("refused");
    }
  });

  it("gives the same answer for another tenant's rows as for missing rows", async () => {
    const claims = strangers["the owner of another tenant"]?.claims ?? {};
    for (const [name, { values }] of Object.entries(attacks)) {
      const field = Object.keys(values).find((key) => ["id", "root", "user_id"].includes(key));
      if (!field || ["add_member", "accept_invitation"].includes(name)) continue;
      const tell = (id: unknown) =>
        refusalOf(rpc(db.sql, claims, name, { ...values, [field]: id }));
      expect(await tell(values[field]), name).toEqual(await tell(randomUUID()));
    }
  });

  it("gives the secret key only the tenant that it names", async () => {
    const caller = strangers["the secret key, naming no tenant"] as Caller;
    for (const name of ["sync", "spawn_agent", "find_agents", "erase_tenant", "list_members"])
      expect(await codeOf(attack(caller, name)), name).toBe("tenant_unknown");
  });
});
