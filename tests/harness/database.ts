/** Opens a separate database for each test file, with everything that the migrations make. */
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
  /** Runs statements as the superuser. `actAs` runs them as any other caller. */
  sql: Sql;
  url: string;
  close(): Promise<void>;
}

/**
 * Opens a database on the Postgres 17 that `DATABASE_URL` names, or on PGlite if the variable is not set.
 * Both run the same SQL. Postgres needs a fifth of the time that PGlite needs.
 */
export const openTestDatabase = (): Promise<TestDatabase> =>
  databaseUrl ? openPostgresDatabase() : openPgliteDatabase();

/** Opens a copy of the template on PGlite, for tests about PGlite itself. */
export async function openPgliteDatabase(): Promise<TestDatabase> {
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

interface PostgresOptions {
  /** Each commit waits for the disk, as in production. Benchmarks and tests of crashes need this. */
  durable?: boolean;
}

/** Opens a copy of the template on the real Postgres 17 that DATABASE_URL names. */
export async function openPostgresDatabase({
  durable = false,
}: PostgresOptions = {}): Promise<TestDatabase> {
  if (!databaseUrl) throw new Error("DATABASE_URL is not set.");
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const url = await copyTemplate(admin, databaseUrl);
  const name = new URL(url).pathname.slice(1);
  // Compiling a test's query takes longer than running it.
  await admin.unsafe(`alter database ${name} set jit = off`);
  if (!durable) await admin.unsafe(`alter database ${name} set synchronous_commit = off`);
  const sql = postgres(url, { max: 10, onnotice: () => {} });
  return {
    sql,
    url,
    ...clockOf(sql),
    async close() {
      await sql.end();
      if (isKept()) {
        keepPostgres(url);
        await admin.end();
        return;
      }
      // Nobody waits until the database is dropped, because dropping it waits for the disk.
      void admin
        .unsafe(`drop database ${name} with (force)`)
        .catch((error: Error) => console.error(`${name} could not be dropped: ${error.message}`))
        .finally(() => admin.end());
    },
  };
}
