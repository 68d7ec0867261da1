/** Digests of what test databases are made from. Equal digests mean equal databases. */
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildMigrations, readReleases } from "../../scripts/sql/releases.ts";

export const root = join(import.meta.dirname, "../..");
export const migrationsFolder = join(root, "supabase/migrations");

/**
 * Rebuilds the migrations from sql/, so that a broken SQL file fails the tests at once. In CI nothing is
 * written, because there the migrations have to be committed already.
 *
 * @throws what is wrong, one sentence each.
 */
export async function buildCurrentMigrations(): Promise<void> {
  const { wrong } = await buildMigrations(root, process.env.CI === "true");
  if (wrong.length > 0) throw new Error(`The SQL cannot be tested:\n${wrong.join("\n")}`);
}

export interface Stages {
  /** The result of bootstrap in an empty cluster. */
  project: string;
  /** With the migrations of the releases, which never change. */
  released: string;
  /** With those of the next release as well. This is what tests use. */
  current: string;
}

/** Each stage's digest includes the one before it. `maker` is the file that makes the databases. */
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

/** The sources that this run tests, for its processes. */
const noted = "MAYFLY_TEST_STAGE";

export async function noteStage(): Promise<void> {
  process.env[noted] = (await stagesOf("")).current;
}

/** @throws if the SQL is no longer what this run began with. */
export async function assertStage(): Promise<void> {
  const stage = process.env[noted];
  if (stage && stage !== (await stagesOf("")).current)
    throw new Error("The SQL has changed since this run of the tests began: start it again.");
}

/** Gives `work` a folder with only the migrations of releases. */
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
