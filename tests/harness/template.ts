/**
 * A database with everything that bootstrap and the migrations make, made once and copied by all. It is
 * made in stages, each kept by the digest of what it was made from: after a change of SQL only the
 * next release's migration has to be applied again.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { type Database, openPglite } from "../../local/src/db/index.ts";
import { generateKeys, type ProjectKeys } from "../../local/src/keys.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { silent } from "./log.ts";
import { migrationsFolder, root, stagesOf, withReleasedMigrations } from "./sources.ts";

export { migrationsFolder };

export interface Template {
  /** The path of its file. */
  database: string;
  keys: ProjectKeys;
}

const cache = join(root, "node_modules/.cache/mayfly");
const folderOf = (stage: string) => join(cache, stage);
/** Each is up to 70 MB. */
const keptStages = 12;

/** Makes the template, unless it is there. */
export async function makeTemplate(): Promise<void> {
  const { project, released, current } = await stagesOf(import.meta.filename);
  if (!(await isThere(project))) await makeProject(project);
  const haveReleased = await isThere(released);
  const haveCurrent = await isThere(current);
  if (!haveReleased && !haveCurrent)
    await makeFrom(project, released, (database) =>
      withReleasedMigrations((folder) => applyMigrations(database.url("postgres"), folder)),
    );
  if (!haveCurrent)
    await makeFrom(released, current, (database) =>
      applyMigrations(database.url("postgres"), migrationsFolder),
    );
  await forgetOldStages();
}

async function makeProject(stage: string): Promise<void> {
  const keys = await generateKeys();
  const open = (template?: Uint8Array) =>
    openPglite({ ...(template && { template }), passwords: keys.databasePassword, log: silent });
  const bare = await packed(await open(), async () => {});
  await keep(stage, {
    "bare.tar": bare,
    "database.tar": await packed(await open(bare), (database) =>
      bootstrap(database.url("supabase_admin"), null),
    ),
    "keys.json": JSON.stringify(keys),
  });
}

async function packed(
  database: Database,
  work: (database: Database) => Promise<unknown>,
): Promise<Uint8Array> {
  try {
    await work(database);
    if (!database.closeAndPack) throw new Error("Only a database in memory can be packed.");
    return await database.closeAndPack();
  } finally {
    await database.close();
  }
}

async function makeFrom(
  before: string,
  stage: string,
  work: (database: Database) => Promise<unknown>,
): Promise<void> {
  const { database: template, keys } = await read(before);
  const database = await openPglite({ template, passwords: keys.databasePassword, log: silent });
  await keep(stage, {
    "database.tar": await packed(database, work),
    "keys.json": JSON.stringify(keys),
  });
}

/** Aside first: a folder that is there is whole. */
async function keep(stage: string, files: Record<string, string | Uint8Array>): Promise<void> {
  const folder = folderOf(stage);
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(draft, name), content);
  await rename(draft, folder).catch(async (error: unknown) => {
    // Another run has made it meanwhile.
    if (!existsSync(folder)) throw error;
    await rm(draft, { recursive: true });
  });
}

/** Whether the stage has been made; from now on it counts as just used. */
async function isThere(stage: string): Promise<boolean> {
  const now = new Date();
  return utimes(folderOf(stage), now, now).then(
    () => true,
    () => false,
  );
}

async function forgetOldStages(): Promise<void> {
  const names = await readdir(cache);
  const used = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(folderOf(name))).mtimeMs })),
  );
  used.sort((a, b) => b.at - a.at);
  for (const { name } of used.slice(keptStages))
    await rm(folderOf(name), { recursive: true, force: true });
}

async function read(stage: string): Promise<Template> {
  const folder = folderOf(stage);
  return {
    database: join(folder, "database.tar"),
    keys: JSON.parse(await readFile(join(folder, "keys.json"), "utf8")) as ProjectKeys,
  };
}

/** The path of a cluster as initdb leaves it, which takes that 5 s. */
export async function readBareTemplate(): Promise<string> {
  const { project } = await stagesOf(import.meta.filename);
  return join(folderOf(project), "bare.tar");
}

/** What this run's tests start from. */
export async function readTemplate(): Promise<Template> {
  const { current } = await stagesOf(import.meta.filename);
  if (!existsSync(folderOf(current)))
    throw new Error("The SQL has changed since this run of the tests began: start it again.");
  return read(current);
}
