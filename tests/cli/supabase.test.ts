import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { type Database, openPglite } from "../../local/src/db/index.ts";
import { silent } from "../harness/log.ts";
import { readBareTemplate, readTemplate } from "../harness/template.ts";

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
}, 120_000);
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

describe("the Supabase CLI", { timeout: 120_000 }, () => {
  it("pushes the migrations to an empty database, and again without change", async () => {
    expect(await supabase(empty, "db", "push", "--yes")).toMatch(
      /Applying migration 20261121000000/,
    );
    expect(await supabase(empty, "db", "push", "--yes")).toMatch(/up to date/);
  });

  it("agrees with what the embedded Supabase applied itself", async () => {
    expect(await supabase(migrated, "db", "push", "--yes")).toMatch(/up to date/);
    expect(await supabase(migrated, "migration", "list")).toMatch(
      /`20261121000000` \| `20261121000000`/,
    );
  });

  it("would have recorded the same statements", async () => {
    const recorded = (sql: postgres.Sql) =>
      sql`select version, name, statements from supabase_migrations.schema_migrations order by 1`;
    const byCli = await withSql(empty, async (sql) => [...(await recorded(sql))]);
    expect(await withSql(migrated, async (sql) => [...(await recorded(sql))])).toEqual(byCli);
  });

  it("generates the types that are committed", async () => {
    const types = await supabase(migrated, "gen", "types", "typescript", "--schema", "mayfly");
    expect(types).toContain(await readFile(join(root, "sdk/src/database.types.ts"), "utf8"));
  });

  it("finds nothing to advise", async () => {
    const output = await supabase(migrated, "db", "advisors");
    expect(output).not.toMatch(/"level"/);
  });
});

describe("sql/schemas, one object a file,", { timeout: 120_000 }, () => {
  it("gives the same catalog as the migrations", async () => {
    const byMigrations = await withSql(migrated, catalogOf);
    expect(byMigrations.length).toBeGreaterThan(100);
    const byFiles = await withSql(empty, async (sql) => {
      await sql.unsafe(`
        drop policy if exists mayfly_receive on realtime.messages;
        drop policy if exists mayfly_send on realtime.messages;
        drop schema if exists mayfly, mayfly_private cascade`);
      const folder = join(root, "sql/schemas");
      for (const file of (await readdir(folder)).sort())
        await sql.unsafe(await readFile(join(folder, file), "utf8"));
      return catalogOf(sql);
    });
    expect(byFiles).toEqual(byMigrations);
  });
});

/** As `postgres`, whose objects the migrations make. */
async function withSql<T>(database: Database, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(database.url("postgres"), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

async function catalogOf(sql: postgres.Sql): Promise<string[]> {
  return (await sql.unsafe(catalogQuery)).map((row) => row.line as string);
}

/** Every object of ours with its definition, a line each. */
const catalogQuery = `
  with ours as (select oid, nspname from pg_namespace where nspname in ('mayfly', 'mayfly_private', 'mayfly_gate'))
  select line from (
    select format('table %s.%s %s %s', n.nspname, c.relname, c.relrowsecurity, c.relacl) as line
    from pg_class c join ours n on n.oid = c.relnamespace where c.relkind in ('r', 'v')
    union all
    select format('column %s.%s %s %s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attacl, a.attstattarget)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join ours n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v')
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i
    join pg_class c on c.oid = i.indrelid join ours n on n.oid = c.relnamespace
    union all
    select format('constraint %s %s', k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k
    join ours n on n.oid = k.connamespace
    union all
    select format('function %s %s', pg_get_functiondef(p.oid), p.proacl) from pg_proc p
    join ours n on n.oid = p.pronamespace
    union all
    select format('policy %s.%s %s %s %s %s', schemaname, tablename, policyname, cmd, qual, with_check) from pg_policies
    where schemaname in ('mayfly', 'mayfly_private') or policyname like 'mayfly%'
    union all
    select format('trigger %s', pg_get_triggerdef(t.oid)) from pg_trigger t
    join pg_class c on c.oid = t.tgrelid join ours n on n.oid = c.relnamespace where not t.tgisinternal
  ) lines order by line`;
