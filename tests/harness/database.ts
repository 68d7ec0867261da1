/** A database of its own for each test file, with everything that the migrations make. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import postgres from "postgres";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import type { Sql } from "./callers.ts";
import { databaseUrl } from "./needs.ts";

export interface TestDatabase {
  /** As the superuser: `actAs` makes it anybody else. */
  sql: Sql;
  url: string;
  close(): Promise<void>;
}

export const migrationsFolder = join(import.meta.dirname, "../../supabase/migrations");

export const openTestDatabase = openPostgresDatabase;

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
