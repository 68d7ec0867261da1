/** An embedded Supabase on the database of a benchmark. */
import { startLocal } from "@mayfly/local";
import type { Sql } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal, type TestLocalOptions } from "#harness/local";
import { silent } from "#harness/log";
import { makeTemplate } from "#harness/template";

export async function openStack(
  on: "postgres" | "pglite",
  limits: TestLocalOptions["limits"] = {},
) {
  if (on === "pglite") {
    await makeTemplate();
    const local = await startTestLocal({ embedded: true, limits });
    return { local, sql: local.sql as Sql, close: () => local.close() };
  }
  const db = await openPostgresDatabase({ durable: true });
  const local = await startLocal({ dbUrl: db.url, port: 0, dbPort: 0, limits, log: silent });
  const close = async () => {
    await local.close();
    await db.close();
  };
  return { local, sql: db.sql, close };
}
