/** A database with everything that bootstrap and the migrations make, made once and copied by all. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { openPglite } from "../../local/src/db/index.ts";
import { generateKeys, type ProjectKeys } from "../../local/src/keys.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { silent } from "./log.ts";

const root = join(import.meta.dirname, "../..");
export const migrationsFolder = join(root, "supabase/migrations");
const sources = [
  migrationsFolder,
  join(root, "local/src/bootstrap"),
  join(root, "local/src/db"),
  join(root, "package-lock.json"),
];

export interface Template {
  database: Blob;
  keys: ProjectKeys;
}

/** The folder of the template that the sources of today make. */
async function templateFolder(): Promise<string> {
  const hash = createHash("sha256").update(await readFile(import.meta.filename));
  for (const source of sources) {
    const files = source.endsWith(".json") ? [""] : (await readdir(source)).sort();
    for (const file of files) hash.update(await readFile(join(source, file)));
  }
  return join(root, "node_modules/.cache/mayfly", hash.digest("hex").slice(0, 16));
}

/** Makes the template, unless it is there. */
export async function makeTemplate(): Promise<void> {
  const folder = await templateFolder();
  if (existsSync(folder)) return;
  const keys = await generateKeys();
  const database = await openPglite({ passwords: keys.databasePassword, log: silent });
  try {
    const bare = await database.dumpDataDir();
    await bootstrap(database.url("supabase_admin"), null);
    await applyMigrations(database.url("postgres"), migrationsFolder);
    // Aside first: a folder that is there is whole.
    const draft = `${folder}.${process.pid}`;
    await mkdir(draft, { recursive: true });
    await writeFile(join(draft, "bare.tar"), bare);
    await writeFile(join(draft, "database.tar"), await database.dumpDataDir());
    await writeFile(join(draft, "keys.json"), JSON.stringify(keys));
    await rename(draft, folder).catch(async (error: unknown) => {
      // Another run has made it meanwhile.
      if (!existsSync(folder)) throw error;
      await rm(draft, { recursive: true });
    });
  } finally {
    await database.close();
  }
}

/** A cluster as initdb leaves it, which takes that 5 s. */
export async function readBareTemplate(): Promise<Blob> {
  return new Blob([await readFile(join(await templateFolder(), "bare.tar"))]);
}

export async function readTemplate(): Promise<Template> {
  const folder = await templateFolder();
  return {
    database: new Blob([await readFile(join(folder, "database.tar"))]),
    keys: JSON.parse(await readFile(join(folder, "keys.json"), "utf8")) as ProjectKeys,
  };
}
