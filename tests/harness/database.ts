/** A database of its own for each test file, with everything that the migrations make. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { openPglite } from "../../local/src/db/index.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import type { Sql } from "./callers.ts";
import { silent } from "./log.ts";
import { databaseUrl } from "./needs.ts";
import { migrationsFolder, readTemplate } from "./template.ts";

export interface TestDatabase {
  /** As the superuser: `actAs` makes it anybody else. */
  sql: Sql;
  url: string;
  close(): Promise<void>;
}

/** On PGlite, from the template. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const { database, keys } = await readTemplate();
  const db = await openPglite({
    template: database,
    passwords: keys.databasePassword,
    log: silent,
  });
  const url = db.url("supabase_admin");
  const sql = postgres(url, { max: 3, onnotice: () => {} });
  return {
    sql,
    url,
    async close() {
      await sql.end();
      await db.close();
    },
  };
}

/** On the real Postgres 17 of DATABASE_URL. */
export async function openPostgresDatabase(): Promise<TestDatabase> {
  if (!databaseUrl) throw new Error("DATABASE_URL is not set.");
  const name = `mayfly_test_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  await bootstrap(url.href, null);
  await applyMigrations(url.href, migrationsFolder);
  const sql = postgres(url.href, { max: 10, onnotice: () => {} });
  return {
    sql,
    url: url.href,
    async close() {
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
