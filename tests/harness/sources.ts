/** What test databases are made from, as digests: equal digests, equal databases. */
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildMigrations, readReleases } from "../../scripts/sql/releases.ts";

export const root = join(import.meta.dirname, "../..");
export const migrationsFolder = join(root, "supabase/migrations");

/**
 * Brings the migrations to what sql/ says, so that a broken SQL file fails the tests at once. In CI
 * nothing is written: there they have to be committed.
 *
 * @throws what is wrong, each in a sentence.
 */
export async function buildCurrentMigrations(): Promise<void> {
  const { wrong } = await buildMigrations(root, process.env.CI === "true");
  if (wrong.length > 0) throw new Error(`The SQL cannot be tested:\n${wrong.join("\n")}`);
}

export interface Stages {
  /** What bootstrap makes of an empty cluster. */
  project: string;
  /** With the migrations of the releases, which never change. */
  released: string;
  /** With those of the next release as well: what is tested. */
  current: string;
}

/** Each stage's digest includes the one before it. `maker` is the file that makes the databases. */
export async function stagesOf(maker: string): Promise<Stages> {
  const frozen = await releasedMigrations();
  const all = (await filesIn(migrationsFolder)).filter((file) => !frozen.includes(file));
  const project = await digest("", [
    maker,
    import.meta.filename,
    join(root, "package-lock.json"),
    ...(await filesIn(join(root, "local/src/bootstrap"))),
    ...(await filesIn(join(root, "local/src/db"))),
  ]);
  const released = await digest(project, frozen);
  return { project, released, current: await digest(released, all) };
}

/** Gives `work` a folder that has the migrations of the releases alone. */
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
