import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import postgres from "postgres";
import { parse } from "smol-toml";
import type { Logger } from "./log.ts";

/** The seed files that the Supabase CLI runs if config.toml names none. */
const usual = ["./seed.sql"];

/**
 * Runs the seed files that have not run in this database yet, each in its own transaction, and
 * records them where the Supabase CLI does. If a file has changed since, this is logged, but the file is not run
 * again, because its rows already exist.
 *
 * @throws an error with one sentence that says which file failed, and why.
 */
export async function applySeeds(url: string, root: string, log: Logger): Promise<void> {
  const files = seedFiles(root);
  if (files.length === 0) return;
  const sql = postgres(url, { max: 1, onnotice: () => {}, prepare: false });
  try {
    await sql.unsafe(`
      create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);
    `);
    const rows = await sql<{ path: string; hash: string }[]>`
      select path, hash from supabase_migrations.seed_files`;
    const present = new Map(rows.map(({ path, hash }) => [path, hash]));
    for (const file of files) {
      const path = relative(root, file);
      const text = readFileSync(file, "utf8");
      const hash = createHash("sha256").update(text).digest("hex");
      const before = present.get(path);
      if (before === hash) continue;
      if (before !== undefined) {
        log.warn(
          `${path} has changed since it was run on this database. To seed again, start with another --data folder.`,
        );
        continue;
      }
      await sql
        .begin(async (transaction) => {
          await transaction.unsafe(text);
          await transaction`insert into supabase_migrations.seed_files ${transaction({ path, hash })}`;
        })
        .catch((error: Error) => {
          throw new Error(`The seed ${path} failed: ${error.message}`, { cause: error });
        });
      log.info(`Ran the seed ${path}`);
    }
  } finally {
    await sql.end();
  }
}

/** The files that `[db.seed]` names, in its order. */
function seedFiles(root: string): string[] {
  const base = resolve(root, "supabase");
  const { db } = parse(readFileSync(join(base, "config.toml"), "utf8")) as {
    db?: { seed?: { enabled?: boolean; sql_paths?: string[] } };
  };
  if (db?.seed?.enabled === false) return [];
  const paths = db?.seed?.sql_paths ?? usual;
  const found = paths.flatMap((path) =>
    globSync(path, { cwd: base })
      .map((file) => resolve(base, file))
      .sort(),
  );
  return [...new Set(found)];
}
