import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "./callers.ts";

/** A query of sql/inspect, as the SQL editor runs it: as postgres, without a token. */
export async function inspect(sql: Sql, file: string) {
  const query = await readFile(join(import.meta.dirname, `../../sql/inspect/${file}.sql`), "utf8");
  return (await sql.begin(async (session) => {
    await session`set local role postgres`;
    return [...(await session.unsafe(query))];
  })) as Record<string, unknown>[];
}
