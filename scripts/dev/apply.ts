/** Brings a running database from the SQL sources that it was made of to others. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import { objectsOf, type SqlObject } from "../sql/objects.ts";
import { readReleases, readSources } from "../sql/releases.ts";
import { releasedOf, upgradeFrom } from "../sql/upgrade.ts";

export type Outcome =
  /** No statement differs. */
  | "nothing"
  | "applied"
  /** What holds data has changed: that is done by hand in a release, and by another database here. */
  | "needs another database";

export const sourcesOf = async (root: string): Promise<SqlObject[]> =>
  objectsOf(await readSources(root));

/** @param sql as postgres. @throws the database's error, after which it is as it was. */
export async function applyChanges(
  sql: postgres.Sql,
  root: string,
  before: SqlObject[],
  after: SqlObject[],
): Promise<Outcome> {
  const was = releasedOf(before);
  const isDurable = ({ key, durable, hash }: SqlObject) => durable && was[key]?.hash !== hash;
  const present = new Set(after.map(({ key }) => key));
  if (after.some(isDurable) || before.some(({ key, durable }) => durable && !present.has(key)))
    return "needs another database";
  let statements: string[];
  try {
    const { main, realtime } = upgradeFrom(was, after, null);
    statements = [...main, ...realtime];
  } catch {
    // Stored values depend on a function that has changed.
    return "needs another database";
  }
  if (statements.length === 0) return "nothing";
  await sql.begin(async (transaction) => {
    await transaction.unsafe(statements.join("\n"));
    await recordMigrations(transaction, root);
  });
  return "applied";
}

/** So that the next start takes the next release's migrations for applied, as they now are. */
async function recordMigrations(sql: postgres.TransactionSql, root: string): Promise<void> {
  const { released } = await readReleases(root);
  const frozen = released.flatMap(({ migrations }) => Object.keys(migrations));
  const folder = "supabase/migrations";
  for (const file of await readdir(join(root, folder))) {
    const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
    if (!version || !name || frozen.includes(`${folder}/${file}`)) continue;
    const text = await readFile(join(root, folder, file), "utf8");
    await sql`
      insert into supabase_migrations.schema_migrations (version, name, statements) values (${version}, ${name}, ${[text]})
      on conflict (version) do update set statements = excluded.statements, name = excluded.name`;
  }
}
