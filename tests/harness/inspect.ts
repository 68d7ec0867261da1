import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Sql } from "./callers.ts";

const folder = join(import.meta.dirname, "../../sql");

/** Every room's queries for the SQL editor, by name. */
export async function inspectFiles(): Promise<Map<string, string>> {
  const files = await readdir(folder, { recursive: true });
  const paths = files.filter((file) => /^\w+\/inspect\/\w+\.sql$/.test(file));
  return new Map(paths.map((file) => [basename(file, ".sql"), join(folder, file)]));
}

export async function readInspect(name: string): Promise<string> {
  const file = (await inspectFiles()).get(name);
  if (!file) throw new Error(`No room has inspect/${name}.sql.`);
  return readFile(file, "utf8");
}

/** The result of one of these queries, run as the SQL editor does: as the role `postgres`, without a token. */
export async function inspect(sql: Sql, name: string) {
  const query = await readInspect(name);
  return (await sql.begin(async (session) => {
    await session`set local role postgres`;
    return [...(await session.unsafe(query))];
  })) as Record<string, unknown>[];
}
