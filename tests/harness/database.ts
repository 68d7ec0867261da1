/** A database of its own for each test file, with everything that the migrations make. */
import postgres from "postgres";
import { openPglite } from "../../local/src/db/index.ts";
import type { Sql } from "./callers.ts";
import { type Clock, clockOf } from "./clock.ts";
import { isKept, keepPglite, keepPostgres } from "./keep.ts";
import { silent } from "./log.ts";
import { databaseUrl } from "./needs.ts";
import { copyTemplate } from "./postgres-template.ts";
import { readTemplate } from "./template.ts";

export interface TestDatabase extends Clock {
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
    ...clockOf(sql),
    async close() {
      await sql.end();
      if (isKept()) await keepPglite(await db.dumpDataDir(), keys);
      await db.close();
    },
  };
}

/** On a real Postgres 17 where there is one, else on PGlite: for what has to hold on both, and shows more on the former. */
export const openRealDatabase = (): Promise<TestDatabase> =>
  databaseUrl ? openPostgresDatabase() : openTestDatabase();

/** On the real Postgres 17 of DATABASE_URL. */
export async function openPostgresDatabase(): Promise<TestDatabase> {
  if (!databaseUrl) throw new Error("DATABASE_URL is not set.");
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const url = await copyTemplate(admin, databaseUrl);
  const sql = postgres(url, { max: 10, onnotice: () => {} });
  return {
    sql,
    url,
    ...clockOf(sql),
    async close() {
      await sql.end();
      if (isKept()) keepPostgres(url);
      else await admin.unsafe(`drop database ${new URL(url).pathname.slice(1)} with (force)`);
      await admin.end();
    },
  };
}
