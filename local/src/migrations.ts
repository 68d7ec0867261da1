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
 * Applies the migrations of `folder` that the database does not have yet, in order, each in a
 * transaction of its own, and records them where the Supabase CLI does, so that `supabase db push`
 * and `migration list` agree.
 *
 * A file that changed after it was applied stops it before anything is applied: the database would
 * keep what the old text made, its grants included, and nobody would know.
 *
 * @param url as `postgres`, whose rights are those that a hosted project gives.
 * @returns what was applied now.
 * @throws one sentence: a migration is broken, or is no longer the one that was applied.
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
    // Only a digest of each: fetching 560 kB of statements and splitting the file again took 0.2 s.
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
 * Compares the statements themselves: a comment at the end of a file is in none of them.
 * `migration repair --status applied` records none: it says that the text does not matter.
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

/** Each with the comments before it, as the CLI splits them; `migration fetch` joins them again. */
function statementsOf(text: string): string[] {
  let at = 0;
  return statements(text).map(({ end }) => {
    const statement = text.slice(at, end).trim();
    at = end + 1;
    return statement;
  });
}

/** Left out of a digest: where statements are split, and how lines end. */
const insignificant = " \t\r\n;";
const digestOf = (text: string): string =>
  createHash("md5")
    .update(text.replace(/[ \t\r\n;]+/g, ""))
    .digest("hex");

/** What two splittings of one text have in common, whatever they do with semicolons and line ends. */
const gist = (parts: string[]): string => parts.join("").replace(/[\s;]/g, "");

/** The database's message with the line of the file that it points at, where it points at one. */
function describe(error: unknown, text: string): string {
  if (!(error instanceof postgres.PostgresError)) return String(error);
  const line = error.position
    ? text.slice(0, Number(error.position)).split("\n").length
    : undefined;
  return line ? `${error.message} (line ${line})` : error.message;
}
