/** Updates a database to changed SQL sources, without a release between them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import { statementsOf } from "../../local/src/migrations.ts";
import type { SqlObject } from "./objects.ts";
import { readReleases } from "./releases.ts";
import { releasedOf, upgradeFrom } from "./upgrade.ts";

/** The properties of an object that show whether it has changed. */
export type KnownObject = Pick<SqlObject, "key" | "about" | "durable" | "hash" | "head">;

/**
 * The statements that bring a database from `before` to `after`. Null if an object has changed that
 * holds data, or that stored values depend on. For such a change, a release needs a handwritten
 * part, and a development database is made anew.
 */
export function changesBetween(before: KnownObject[], after: SqlObject[]): string[] | null {
  const was = releasedOf(before);
  const present = new Set(after.map(({ key }) => key));
  if (
    after.some(({ key, durable, hash }) => durable && was[key]?.hash !== hash) ||
    before.some(({ key, durable }) => durable && !present.has(key))
  )
    return null;
  try {
    const { main, realtime } = upgradeFrom(was, after, null);
    return [...main, ...realtime];
  } catch {
    return null;
  }
}

/**
 * Applies these statements in one transaction, and records the next release's migrations as applied.
 *
 * @param sql a connection as the user `postgres`.
 *
 * @throws the database's error. Then nothing has changed.
 */
export async function applyStatements(
  sql: postgres.Sql,
  root: string,
  statements: string[],
): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction.unsafe(statements.join("\n"));
    await recordMigrations(transaction, root);
  });
}

/** Records that the next release's current migrations are applied, for the next start. */
async function recordMigrations(sql: postgres.TransactionSql, root: string): Promise<void> {
  const { released } = await readReleases(root);
  const frozen = released.flatMap(({ migrations }) => Object.keys(migrations));
  const folder = "supabase/migrations";
  for (const file of await readdir(join(root, folder))) {
    const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
    if (!version || !name || frozen.includes(`${folder}/${file}`)) continue;
    const text = await readFile(join(root, folder, file), "utf8");
    await sql`
      insert into supabase_migrations.schema_migrations (version, name, statements) values (${version}, ${name}, ${statementsOf(text)})
      on conflict (version) do update set statements = excluded.statements, name = excluded.name`;
  }
}
