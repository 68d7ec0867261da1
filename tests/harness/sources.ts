/** Digests of the files from which test databases are made. Equal digests mean equal databases. */
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildMigrations, readReleases } from "../../scripts/sql/releases.ts";

export const root = join(import.meta.dirname, "../..");
export const migrationsFolder = join(root, "supabase/migrations");

/**
 * Rebuilds the migrations from sql/, so that a broken SQL file fails the tests at once. In CI, nothing is
 * written: the migrations have to be in the commit already.
 *
 * @throws an error with one sentence for each thing that is wrong.
 */
export async function buildCurrentMigrations(): Promise<void> {
  const { wrong } = await buildMigrations(root, process.env.CI === "true");
  if (wrong.length > 0) throw new Error(`The SQL cannot be tested:\n${wrong.join("\n")}`);
}

export interface Stages {
  /** The digest of an empty cluster after bootstrap. */
  project: string;
  /** The digest after the migrations of the releases too, which never change. */
  released: string;
  /** The digest after the migration of the next release too. Tests use this stage. */
  current: string;
}

/** Each digest includes the one before it. `maker` is the path of the file that makes the databases. */
export async function stagesOf(maker: string): Promise<Stages> {
  const frozen = await releasedMigrations();
  const all = (await filesIn(migrationsFolder)).filter((file) => !frozen.includes(file));
  const project = await digest("", [
    ...(maker ? [maker] : []),
    import.meta.filename,
    join(root, "package-lock.json"),
    ...(await filesIn(join(root, "local/src/bootstrap"))),
    ...(await filesIn(join(root, "local/src/db"))),
  ]);
  const released = await digest(project, frozen);
  return { project, released, current: await digest(released, all) };
}

/** A variable that tells the processes of a run the digest of the SQL that the run tests. */
const noted = "MAYFLY_TEST_STAGE";

export async function noteStage(): Promise<void> {
  process.env[noted] = (await stagesOf("")).current;
}

/** @throws if the SQL has changed since this run began. */
export async function assertStage(): Promise<void> {
  const stage = process.env[noted];
  if (stage && stage !== (await stagesOf("")).current)
    throw new Error("The SQL has changed since this run of the tests began: start it again.");
}

/** Calls `work` with a folder that contains only the migrations of releases. */
export async function withReleasedMigrations<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-released-"));
  try {
    for (const file of await releasedMigrations())
      await copyFile(file, join(folder, basename(file)));
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function releasedMigrations(): Promise<string[]> {
  const { released } = await readReleases(root);
  return released.flatMap(({ migrations }) =>
    Object.keys(migrations).map((file) => join(root, file)),
  );
}

const filesIn = async (folder: string) =>
  (await readdir(folder)).sort().map((file) => join(folder, file));

async function digest(before: string, files: string[]): Promise<string> {
  const hash = createHash("sha256").update(before);
  for (const file of files) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
}
