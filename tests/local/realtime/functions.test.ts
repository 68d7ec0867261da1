/** Realtime's own migrations create and drop Realtime's functions. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, makePerson, makeTenant, rpc } from "#harness/callers";
import { openPgliteDatabase, type TestDatabase } from "#harness/database";
import { silent } from "#harness/log";
import { messageTo } from "#harness/messages";
import { migrationsFolder, readBareTemplate } from "#harness/template";
import { bootstrap } from "../../../local/src/bootstrap.ts";
import { openPglite } from "../../../local/src/db/index.ts";
import { applyMigrations } from "../../../local/src/migrations.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openPgliteDatabase();
});
afterAll(() => db.close());

const drop = "drop function realtime.send(jsonb, text, text, boolean)";

describe("realtime.send", () => {
  it("is what the migration's error names if Realtime has not created it yet", async () => {
    const bare = await openPglite({
      template: await readBareTemplate(),
      passwords: "password",
      log: silent,
    });
    try {
      const admin = bare.url("supabase_admin");
      await bootstrap(admin, "password");
      const sql = postgres(admin, { max: 1, onnotice: () => {} });
      await sql.unsafe(drop);
      await sql.end();
      await expect(applyMigrations(bare.url("postgres"), migrationsFolder)).rejects.toThrow(
        /Mayfly needs Supabase Realtime's realtime\.send, realtime\.topic and realtime\.messages, which this database does not have\.$/,
      );
    } finally {
      await bare.close();
    }
  });

  it("can be replaced by dropping it, and the new one is called", async () => {
    const [old] = await db.sql`
      select pg_get_functiondef('realtime.send(jsonb, text, text, boolean)'::regprocedure) as definition`;
    await db.sql.unsafe(drop);
    await db.sql.unsafe(old?.definition);
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    await rpc(db.sql, agent.claims, "debug_level");
    await rpc(db.sql, agent.claims, "open_inbox", { session: randomUUID() });
    await rpc(db.sql, member, "lease_debug", { level: 1 });
    await rpc(db.sql, member, "send_messages", { messages: [messageTo(agent.id)] as never });
    const rows = await db.sql`
      select event from realtime.messages where topic = ${`tenant:${tenant}:agent:${agent.id}`} order by event`;
    expect(rows.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["debug_level", "message"]),
    );
  });

  it("has no dependent objects of Mayfly", async () => {
    const rows = await db.sql`
      select distinct pg_describe_object(d.classid, d.objid, d.objsubid) as object
      from pg_depend d
      join pg_proc p on p.oid = d.refobjid and d.refclassid = 'pg_proc'::regclass
      join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'realtime' and d.deptype = 'n' and d.classid = 'pg_proc'::regclass`;
    expect(rows).toEqual([]);
  });
});
