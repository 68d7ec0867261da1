/**
 * A made-up room takes part in the sweep, quotas, maintenance, export and erasure only because its files
 * exist. They are in made-up-room/, and look like the files of a real room in sql/<room> and
 * tests/<room>/sweep.ts.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  expectItselfForBare,
  expectNothingForStrangers,
  expectOwnScopeForEach,
  expectRoleForViewer,
  expectRowsOfVictim,
  type Isolation,
  openIsolation,
} from "#harness/isolation";
import { faultsOf, inOrder } from "../../scripts/sql/order.ts";
import { readRooms, readSources } from "../../scripts/sql/releases.ts";
import { closing } from "../../scripts/sql/upgrade.ts";
import { sweep } from "./made-up-room/sweep.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(import.meta.dirname, "made-up-room");

/** All SQL sources. Those of the made-up room come last. */
async function withTheRoom() {
  const files = (await readdir(folder, { recursive: true })).filter((f) => f.endsWith(".sql"));
  const made = await Promise.all(
    files.sort().map(async (file) => ({
      file: `sql/parcels/${file}`,
      text: await readFile(join(folder, file), "utf8"),
    })),
  );
  const { rooms, exceptions } = await readRooms(root);
  const known = { rooms: [...rooms, "parcels"], exceptions };
  return { sources: inOrder([...(await readSources(root)), ...made], known.rooms), known };
}

let db: TestDatabase;
let isolation: Isolation;
beforeAll(async () => {
  db = await openTestDatabase();
  const { sources } = await withTheRoom();
  await db.sql.begin(async (sql) => {
    await sql`set local role postgres`;
    for (const { room, text } of sources) if (room === "parcels") await sql.unsafe(text);
    await sql.unsafe(closing);
  });
  isolation = await openIsolation(db.sql, [sweep]);
});
afterAll(() => db.close());

const countsOf = async (tenant: string) => {
  const [row] = await db.sql`
    select (select count(*)::int from mayfly.parcels where tenant_id = ${tenant}) as parcels,
      (select count(*)::int from mayfly.stamps where tenant_id = ${tenant}) as stamps,
      (select count(*)::int from mayfly_private.seals where tenant_id = ${tenant}) as seals`;
  return row;
};

describe("an added room", () => {
  it("names only what exists, and needs no exception", async () => {
    const { sources, known } = await withTheRoom();
    expect(faultsOf(sources, known)).toEqual([]);
    // Registrations are applied after everything else, and scopes before other registrations.
    const own = sources.filter(({ room }) => room === "parcels").map(({ file }) => file);
    expect(own.indexOf("sql/parcels/scopes.sql")).toBeLessThan(
      own.indexOf("sql/parcels/topics.sql"),
    );
  });

  it("is swept: its tables have a row of the victim, and show it only with its scope", async () => {
    expect(isolation.tables).toEqual(expect.arrayContaining(["parcels", "stamps"]));
    await expectRowsOfVictim(isolation);
    const own = { ...isolation, tables: ["parcels", "stamps"] };
    await expectNothingForStrangers(own);
    await expectRoleForViewer(own);
    await expectItselfForBare(own);
    await expectOwnScopeForEach(own);
  });

  it("is swept: its topic is open only with its scope", async () => {
    const { victim, strangers, bare } = isolation;
    const { parcel: topic } = sweep.topics?.(victim) ?? {};
    const heard = async (claims: Claims, headers = {}) => {
      const [row] = await db.sql`
        select * from _realtime.authorize('read', ${topic as string}, ${String(claims.role)},
          ${JSON.stringify(claims)}, ${JSON.stringify(headers)}, true)`;
      return row?.broadcast as boolean;
    };
    expect(await heard(victim.agent.claims)).toBe(true);
    for (const [who, { claims, headers }] of Object.entries(strangers))
      expect(await heard(claims, headers), who).toBe(false);
    expect(await heard(bare.claims)).toBe(false);
  });

  it("is swept: its function is refused to strangers, and without its scope", async () => {
    const { victim, strangers } = isolation;
    const { values } = sweep.attacks?.(victim).send_parcel ?? {};
    const before = await countsOf(victim.tenant);
    // The foreign key refuses this, because the victim's parcel does not exist in the attacker's tenant.
    for (const { claims, headers } of Object.values(strangers))
      expect(["23503", "scope_missing", "not_authorized", "tenant_unknown", "42501"]).toContain(
        await codeOf(rpc(db.sql, claims, "send_parcel", values, headers)),
      );
    const reader = await makeAgent(db.sql, victim.tenant, { scopes: ["parcel:read"] });
    expect(await codeOf(rpc(db.sql, reader.claims, "send_parcel", values))).toBe("scope_missing");
    expect(await countsOf(victim.tenant)).toEqual(before);
  });

  it("writes to the log, for callers with the scope of its kind of events", async () => {
    const { tenant, sender } = await makeSender();
    const stranger = await makeAgent(db.sql, tenant, { scopes: ["memory:read"] });
    const heard = async (claims: Claims) => {
      const rows = await actAs(
        db.sql,
        claims,
        (session) => session`select type, subject from mayfly.events where type = 'parcel.sent'`,
      );
      return rows.map((row) => row.subject);
    };
    const parcel = await send(sender, "one");
    expect(await heard(sender.claims)).toEqual([parcel]);
    expect(await heard(stranger.claims)).toEqual([]);
  });

  it("gives its scope by default if it says so", async () => {
    const tenant = await makeTenant(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const { agent } = await rpc<{ agent: { scopes: string[] } }>(db.sql, owner, "spawn_agent", {});
    expect(agent.scopes).toContain("parcel:read");
    expect(agent.scopes).not.toContain("parcel:send");
  });

  it("is charged: its rows count, are refused above the quota, and are refunded", async () => {
    const { tenant, owner, sender } = await makeSender({ max_bytes: 2_000 });
    const usage = () =>
      rpc<{ bytes: number; parcels: number; writes_this_minute: number }>(db.sql, owner, "usage");
    const before = await usage();
    expect(before.parcels).toBe(0);
    await send(sender, "x".repeat(100));
    const after = await usage();
    expect(after.bytes - before.bytes).toBe(256 + 100 + 42);
    expect(after.writes_this_minute - before.writes_this_minute).toBe(1);
    expect(after.parcels).toBe(1);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect((await usage()).bytes).toBe(after.bytes);
    const many = async () => {
      for (;;) await send(sender, "x".repeat(200));
    };
    expect(await codeOf(many())).toBe("quota_exceeded");
    await db.sql`delete from mayfly.parcels where tenant_id = ${tenant}`;
    expect((await usage()).bytes).toBe(before.bytes);
  });

  it("shows its limit beside those of the other rooms", async () => {
    const { owner } = await makeSender({ max_bytes: 5_000 });
    const { limits } = await rpc<{ limits: object }>(db.sql, owner, "usage");
    expect(limits).toMatchObject({ max_parcels: 1000, max_bytes: 5_000, max_living_agents: 100 });
  });

  it("is maintained: old rows are deleted, and the answer counts them", async () => {
    const { tenant, owner, sender } = await makeSender();
    const outer = await send(sender, "old, with one inside");
    await send(sender, "old", outer);
    await db.advance("40 days");
    const later = await makeAgent(db.sql, tenant, { scopes: ["parcel:send"] });
    await send(later, "new");
    const maintain = () => rpc(db.sql, owner, "maintain");
    expect(await maintain()).toMatchObject({ parcels: 1, more: true });
    expect(await maintain()).toMatchObject({ parcels: 1 });
    expect(await maintain()).toMatchObject({ parcels: 0, more: false });
    expect(await countsOf(tenant)).toMatchObject({ parcels: 1, stamps: 1 });
  });

  it("is exported: its rows come after the tables that they refer to, without secrets and generated columns", async () => {
    const { owner, sender } = await makeSender();
    const outer = await send(sender, "one");
    await send(sender, "two", outer);
    const lines: { table: string; row: Record<string, unknown> }[] = [];
    for (let after: unknown = null, more = true; more; ) {
      const page = await rpc<{ lines: typeof lines; after: unknown; more: boolean }>(
        db.sql,
        owner,
        "export_tenant",
        { after: after as never, page_limit: 3 },
      );
      lines.push(...page.lines);
      ({ after, more } = page);
    }
    const tables = lines.map(({ table }) => table);
    expect(tables.filter((table) => table === "parcels")).toHaveLength(2);
    expect(tables.filter((table) => table === "stamps")).toHaveLength(2);
    expect(tables.lastIndexOf("parcels")).toBeLessThan(tables.indexOf("stamps"));
    expect(lines.find(({ table }) => table === "parcels")?.row).not.toHaveProperty("shout");
    expect(JSON.stringify(lines)).not.toContain("the secret word");
  });

  it("is erased, with nested parcels and rows without a foreign key, in calls of limited size", async () => {
    const { tenant, owner, sender } = await makeSender();
    let inside = await send(sender, "outermost");
    for (let depth = 0; depth < 5; depth++) inside = await send(sender, "inside", inside);
    const [row] = await db.sql`select name from mayfly.tenants where id = ${tenant}`;
    const erase = () =>
      rpc<{ erased: boolean }>(
        db.sql,
        owner,
        "erase_tenant",
        { name: row?.name as string, max_rows: 5 },
        inTenant(tenant),
      );
    const sum = async () =>
      Object.values((await countsOf(tenant)) ?? {}).reduce((all, count) => all + count, 0);
    for (let erased = false; !erased; ) {
      const before = await sum();
      ({ erased } = await erase());
      expect(before - (await sum())).toBeLessThanOrEqual(5);
    }
    expect(await sum()).toBe(0);
  });

  it("is deleted with its tenant in the SQL editor", async () => {
    const { tenant, sender } = await makeSender();
    await send(sender, "one");
    await db.sql`delete from mayfly.tenants where id = ${tenant}`;
    expect(await countsOf(tenant)).toEqual({ parcels: 0, stamps: 0, seals: 0 });
  });
});

async function makeSender(limits: Record<string, unknown> = {}) {
  const tenant = await makeTenant(db.sql, limits);
  const owner = await makePerson(db.sql, { [tenant]: "owner" });
  const sender = await makeAgent(db.sql, tenant, { scopes: ["parcel:read", "parcel:send"] });
  return { tenant, owner, sender };
}

const send = (sender: SpawnedAgent, label: string, inside: string | null = null) =>
  actAs(db.sql, sender.claims, async (session) => {
    const [row] = await session`select mayfly.send_parcel(${label}, ${inside}) as id`;
    return row?.id as string;
  });
