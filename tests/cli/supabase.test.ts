import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bootstrap, type Database, openPglite } from "@mayfly/local/internal";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogOf } from "#harness/catalog";
import { silent } from "#harness/log";
import { readBareTemplate, readTemplate } from "#harness/template";
import { readSources } from "../../scripts/sql/releases.ts";
import { closing } from "../../scripts/sql/upgrade.ts";

const root = join(import.meta.dirname, "../..");
const password = "only for this test";

let empty: Database;
let migrated: Database;
beforeAll(async () => {
  const { database, keys } = await readTemplate();
  [empty, migrated] = await Promise.all([
    openPglite({ template: await readBareTemplate(), passwords: password, log: silent }),
    openPglite({ template: database, passwords: keys.databasePassword, log: silent }),
  ]);
  await bootstrap(empty.url("supabase_admin"), password);
});
afterAll(() => Promise.all([empty.close(), migrated.close()]));

/** The real Supabase CLI. */
async function supabase(database: Database, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    join(root, "node_modules/.bin/supabase"),
    [...words, "--db-url", database.url("postgres")],
    { cwd: root, env: { ...process.env, DO_NOT_TRACK: "1", SUPABASE_TELEMETRY_DISABLED: "1" } },
  );
  return `${stdout}\n${stderr}`;
}

describe("the Supabase CLI", () => {
  it("pushes the migrations to an empty database, and changes nothing the second time", async () => {
    expect(await supabase(empty, "db", "push", "--yes")).toMatch(
      /Applying migration 20261121000000/,
    );
    expect(await supabase(empty, "db", "push", "--yes")).toMatch(/up to date/);
  });

  it("agrees with what the embedded Supabase applied", async () => {
    expect(await supabase(migrated, "db", "push", "--yes")).toMatch(/up to date/);
    expect(await supabase(migrated, "migration", "list")).toMatch(
      /`20261121000000` \| `20261121000000`/,
    );
  });

  it("records the same statements as the embedded Supabase", async () => {
    const recorded = (sql: postgres.Sql) =>
      sql`select version, name, statements from supabase_migrations.schema_migrations order by 1`;
    const byCli = await withSql(empty, async (sql) => [...(await recorded(sql))]);
    expect(await withSql(migrated, async (sql) => [...(await recorded(sql))])).toEqual(byCli);
  });

  it("generates the types that are committed", async () => {
    const types = await supabase(migrated, "gen", "types", "typescript", "--schema", "mayfly");
    expect(types).toContain(
      await readFile(join(root, "sdk/src/contract/database.types.ts"), "utf8"),
    );
  });

  it("reports no advice about the schema", async () => {
    const output = await supabase(migrated, "db", "advisors");
    expect(output).not.toMatch(/"level"/);
  });
});

describe("the files in sql/, with one object each,", () => {
  it("make the same catalog as the migrations", async () => {
    const byMigrations = await withSql(migrated, catalogOf);
    expect(byMigrations.length).toBeGreaterThan(100);
    const byFiles = await withSql(empty, async (sql) => {
      await sql.unsafe(`
        drop policy if exists mayfly_receive on realtime.messages;
        drop policy if exists mayfly_send on realtime.messages;
        drop schema if exists mayfly, mayfly_private cascade`);
      for (const { text } of await readSources(root)) await sql.unsafe(text);
      await sql.unsafe(closing);
      return catalogOf(sql);
    });
    expect(byFiles).toEqual(byMigrations);
  });
});

/** Connects as `postgres`, which owns the objects of the migrations. */
async function withSql<T>(database: Database, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(database.url("postgres"), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
