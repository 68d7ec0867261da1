/**
 * The databases of a benchmark: the Postgres 17 that DATABASE_URL names, if it is set, and PGlite. With
 * --quick, only one of them: Postgres if there is one.
 */
import { openPgliteDatabase, openPostgresDatabase, type TestDatabase } from "#harness/database";
import { makeTemplate } from "#harness/template";

/** Whether sizes and rounds are so small that all benchmarks together take less than two minutes. */
export const quick = process.argv.includes("--quick");

export const rounds = (many: number, few = Math.ceil(many / 4)) => (quick ? few : many);

export function databases(): ("postgres" | "pglite")[] {
  if (process.env.DATABASE_URL) return quick ? ["postgres"] : ["postgres", "pglite"];
  console.log("Postgres is left out: DATABASE_URL does not name one.");
  return ["pglite"];
}

export async function onEach(
  work: (db: TestDatabase, on: "postgres" | "pglite") => Promise<void>,
): Promise<void> {
  for (const on of databases()) {
    if (on === "pglite") await makeTemplate();
    const db = await (on === "postgres"
      ? openPostgresDatabase({ durable: true })
      : openPgliteDatabase());
    try {
      await work(db, on);
    } finally {
      await db.close();
    }
  }
}

/** Quotas that are too high to interfere. */
export const unlimited = {
  max_memories: 1_000_000_000,
  max_bytes: 1_000_000_000_000,
  writes_per_minute: 1_000_000_000,
  spawns_per_minute: 100_000,
  max_living_agents: 100_000,
  max_lifetime: "1 hour",
  token_lifetime: "1 hour",
};
