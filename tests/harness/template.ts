/**
 * The template for PGlite: a database with everything that bootstrap and the migrations make. It is made
 * once, and all tests copy it. It is made in stages, each kept under the digest of its sources. After a
 * change of SQL, the last stage is made from the template that was made last, if possible, and otherwise from
 * the stage with the releases.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { type Database, openPglite } from "../../local/src/db/index.ts";
import { generateKeys, type ProjectKeys } from "../../local/src/keys.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { applyStatements } from "../../scripts/sql/source-changes.ts";
import { changesSinceLast, noteLast } from "./last-template.ts";
import { silent } from "./log.ts";
import { inTurn } from "./once.ts";
import {
  assertStage,
  migrationsFolder,
  root,
  type Stages,
  stagesOf,
  withReleasedMigrations,
} from "./sources.ts";

export { migrationsFolder };

export interface Template {
  /** The path of the file with the packed database. */
  database: string;
  keys: ProjectKeys;
}

const cache = join(root, "node_modules/.cache/mayfly");
const folderOf = (stage: string) => join(cache, stage);
/** How many stages to keep. Each takes up to 70 MB. */
const keptStages = 12;

/** Makes the template, unless it is there. */
export const makeTemplate = (): Promise<void> => inTurn("template", makeStages);

async function makeStages(): Promise<void> {
  const stages = await stagesOf(import.meta.filename);
  const { project, released, current } = stages;
  if (!(await isThere(project))) await makeProject(project);
  if (await isThere(current)) return;
  if (!(await changedFromLast(stages))) {
    if (!(await isThere(released)))
      await makeFrom(project, released, (database) =>
        withReleasedMigrations((folder) => applyMigrations(database.url("postgres"), folder)),
      );
    await makeFrom(released, current, (database) =>
      applyMigrations(database.url("postgres"), migrationsFolder),
    );
  }
  await noteLast("pglite", stages);
  await forgetOldStages();
}

/** Makes the template from the last one, and returns false if that is not possible. */
async function changedFromLast(stages: Stages): Promise<boolean> {
  const changes = await changesSinceLast("pglite", stages);
  if (!changes || !(await isThere(changes.stage))) return false;
  try {
    await makeFrom(changes.stage, stages.current, async (database) => {
      const sql = postgres(database.url("postgres"), { max: 1, onnotice: () => {} });
      await applyStatements(sql, root, changes.statements).finally(() => sql.end());
    });
    return true;
  } catch {
    // The template is then made with the migration, whose error has the name of the file and the line.
    return false;
  }
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

/** Writes the files to another folder first, so that the folder of a stage is always complete. */
async function keep(stage: string, files: Record<string, string | Uint8Array>): Promise<void> {
  const folder = folderOf(stage);
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(draft, name), content);
  await rename(draft, folder).catch(async (error: unknown) => {
    // It is no error if another run has made the folder in the meantime.
    if (!existsSync(folder)) throw error;
    await rm(draft, { recursive: true });
  });
}

/** Whether the stage exists. If so, it counts as used now. */
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

/** The path of a cluster as initdb leaves it. Making it takes 5 s. */
export async function readBareTemplate(): Promise<string> {
  return join(folderOf(await madeProject()), "bare.tar");
}

/** The keys of every test project. */
export async function readKeys(): Promise<ProjectKeys> {
  return (await read(await madeProject())).keys;
}

async function madeProject(): Promise<string> {
  const { project } = await stagesOf(import.meta.filename);
  if (await isThere(project)) return project;
  await inTurn("template", async () => {
    if (!(await isThere(project))) await makeProject(project);
  });
  return project;
}

/** The template from which this run's tests on PGlite start. */
export async function readTemplate(): Promise<Template> {
  await assertStage();
  const { current } = await stagesOf(import.meta.filename);
  if (!existsSync(folderOf(current))) await makeTemplate();
  return read(current);
}
