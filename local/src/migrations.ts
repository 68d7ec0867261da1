import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { statements } from "./db/sql.ts";

export interface Migration {
  version: string;
  name: string;
}

const fileName = /^(\d+)_(.*)\.sql$/;

/**
 * Applies the migrations of `folder` that the database does not have yet, in order and each in its
 * own transaction. Records them where the Supabase CLI does, so that `supabase db push` and
 * `migration list` agree.
 *
 * If a file has changed since it was applied, nothing is applied. Otherwise the database would
 * silently keep what the old text made, including its grants.
 *
 * @param url of the user `postgres`, which has the same rights as on a hosted project.
 * @returns the migrations that were applied now.
 * @throws an error with one sentence if a migration is broken, or has changed since it was applied.
 */
export async function applyMigrations(url: string, folder: string): Promise<Migration[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, prepare: false });
  try {
    await sql.unsafe(`
      create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
      alter table supabase_migrations.schema_migrations add column if not exists statements text[];
      alter table supabase_migrations.schema_migrations add column if not exists name text;
    `);
    // Compares only digests, because fetching 560 kB of statements and splitting the file again
    // took 0.2 s.
    const rows = await sql<{ version: string; digest: string | null }[]>`
      select version, md5(translate(array_to_string(statements, ''), ${insignificant}, '')) as digest
      from supabase_migrations.schema_migrations`;
    const present = new Map(rows.map((row) => [row.version, row.digest]));

    const missing: (Migration & { file: string; text: string })[] = [];
    for (const file of await filesIn(folder)) {
      const [, version, name] = fileName.exec(file) ?? [];
      if (version === undefined || name === undefined) continue;
      const text = await readFile(join(folder, file), "utf8");
      const before = present.get(version);
      if (before === undefined) missing.push({ version, name, file, text });
      else if (before !== digestOf(text) && (await isChanged(sql, version, text)))
        throw new Error(
          `The migration ${file} has changed since it was applied to this database. Restore the file, or start with another --data folder or --db-url.`,
        );
    }

    const applied: Migration[] = [];
    for (const { version, name, file, text } of missing) {
      try {
        await sql.begin(async (transaction) => {
          await transaction.unsafe(text);
          await transaction`insert into supabase_migrations.schema_migrations (version, name, statements)
            values (${version}, ${name}, ${statementsOf(text)})`;
        });
      } catch (error) {
        throw new Error(`The migration ${file} failed: ${describe(error, text)}`, { cause: error });
      }
      applied.push({ version, name });
    }
    return applied;
  } finally {
    await sql.end();
  }
}

/**
 * Whether the statements have changed. A comment at the end of a file belongs to no statement, so it
 * may change. After `migration repair --status applied`, no statements are recorded, so any text
 * counts as unchanged.
 */
async function isChanged(sql: postgres.Sql, version: string, text: string): Promise<boolean> {
  const [row] = await sql<{ statements: string[] | null }[]>`
    select statements from supabase_migrations.schema_migrations where version = ${version}`;
  return !!row?.statements?.length && gist(row.statements) !== gist(statementsOf(text));
}

async function filesIn(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return files.sort();
}

/**
 * Splits a text into statements, each with the comments before it, like the CLI. The CLI's
 * `migration fetch` joins them again.
 */
export function statementsOf(text: string): string[] {
  let at = 0;
  return statements(text).map(({ end }) => {
    const statement = text.slice(at, end).trim();
    at = end + 1;
    return statement;
  });
}

/**
 * Digests ignore these, so that they do not depend on where statements are split or how lines end.
 */
const insignificant = " \t\r\n;";
const digestOf = (text: string): string =>
  createHash("md5")
    .update(text.replace(/[ \t\r\n;]+/g, ""))
    .digest("hex");

/**
 * A form of a text for comparing. It stays the same however the text is split into parts, and
 * whatever its semicolons and line ends are.
 */
const gist = (parts: string[]): string => parts.join("").replace(/[\s;]/g, "");

/** The database's message, with the line of the file if it points to one. */
function describe(error: unknown, text: string): string {
  if (!(error instanceof postgres.PostgresError)) return String(error);
  const line = error.position
    ? text.slice(0, Number(error.position)).split("\n").length
    : undefined;
  return line ? `${error.message} (line ${line})` : error.message;
}
