/** `KEEP_DB=1 npm test -- <file>` keeps the database of a file with a failed test, so that you can look at it. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPglite } from "../../local/src/db/index.ts";
import type { ProjectKeys } from "../../local/src/keys.ts";
import { silent } from "./log.ts";
import { hasFailed } from "./outcome.ts";

/** Whether to keep this file's database. */
export const isKept = (): boolean => process.env.KEEP_DB === "1" && hasFailed();

/** Writes a database that was in memory to a data folder, and prints how to open it. */
export async function keepPglite(dump: Blob | Uint8Array, keys: ProjectKeys): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-kept-"));
  await writeFile(join(folder, "keys.json"), JSON.stringify(keys), { mode: 0o600 });
  const database = await openPglite({
    dataDir: join(folder, "db"),
    template: dump,
    passwords: keys.databasePassword,
    log: silent,
  });
  await database.close();
  console.log(`KEEP_DB: the database of this file is kept in ${folder}. To look at it:
  npm start -- --data ${folder}
  psql "$(npm run -s db:url -- --data ${folder})"`);
}

/** Prints how to open a database on a real Postgres, and how to drop it. */
export function keepPostgres(url: string): void {
  const name = new URL(url).pathname.slice(1);
  const maintenance = new URL(url);
  maintenance.pathname = "/postgres";
  console.log(`KEEP_DB: the database of this file is kept. To look at it, and to drop it:
  psql "${url}"
  psql "${maintenance.href}" -c "drop database ${name}"`);
}
