/** Finds out what init would do to a project, without changing it. */
import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { version } from "@mayfly/sdk/contract/version";
import { Failure } from "./failure.ts";
import { editConfig, withoutOthers } from "./init-config.ts";
import { dimensionMigrations } from "./init-dimensions.ts";
import { hashOf, type Manifest, manifestPath, readManifest } from "./init-manifest.ts";
import { numberMigrations } from "./init-migrations.ts";
import {
  type FunctionEntry,
  functionEntries,
  readFunctions,
  readMigrations,
  type SourceFile,
} from "./source.ts";

export interface Change {
  /** `keep`: somebody has changed the file since init wrote it, or init never wrote it, so it stays. */
  action: "create" | "update" | "delete" | "edit" | "keep";
  path: string;
  /** The reason for the action, or a detail of it. */
  note: string | null;
  /** The new content of the file. Null if init does not write the file. */
  content: string | null;
}

export interface Plan {
  root: string;
  /** The installed version. Null if there is none. */
  from: string | null;
  to: string;
  changes: Change[];
  manifest: Manifest;
  /** Whether anything would be written. */
  needed: boolean;
  /** Whether there are migrations that the project does not have. */
  migrationsAdded: boolean;
  /** Whether a migration that the project already has would change. */
  migrationsChanged: boolean;
}

/** @param dimensions how many numbers vectors should have. Without it, nothing changes. */
export async function makePlan(
  root: string,
  force: boolean,
  {
    dimensions,
    prefix: wanted,
  }: { dimensions?: number | undefined; prefix?: string | undefined } = {},
): Promise<Plan> {
  const manifest = await readManifest(root);
  const prefix = wanted ?? manifest?.prefix ?? "";
  const entries = functionEntries(prefix);
  await refuseForeignFunctions(root, entries);
  const migrations = await numberMigrations(
    root,
    [...(await readMigrations()), ...dimensionMigrations(manifest, dimensions)],
    manifest,
  );
  const files = [...migrations, ...(await readFunctions())];
  const known = manifest?.files ?? {};

  const planned = await Promise.all(
    files.map((file) => planFile(root, file, known[file.path], force)),
  );
  const gone = Object.entries(known).filter(([path]) => !files.some((file) => file.path === path));
  const removed = await Promise.all(gone.map(([path, hash]) => planRemoval(root, path, hash)));
  const changes = [await planConfig(root, entries), ...planned, ...removed].filter(
    (change) => change !== null,
  );

  const kept = new Set(changes.filter(({ action }) => action === "keep").map(({ path }) => path));
  const next: Manifest = {
    version,
    files: Object.fromEntries(
      files.flatMap(({ path, content }) => {
        // A file that was kept is recorded with the hash of what init once wrote there, so that the
        // next init also sees that somebody has changed it.
        const hash = kept.has(path) ? known[path] : hashOf(content);
        return hash === undefined ? [] : [[path, hash]];
      }),
    ),
    ...(prefix !== "" && { prefix }),
  };
  const stale = JSON.stringify(next) !== JSON.stringify(manifest);
  const needed = stale || changes.some(({ action }) => action !== "keep");
  const paths = new Set(migrations.map(({ path }) => path));
  return {
    root,
    from: manifest?.version ?? null,
    to: version,
    changes,
    manifest: next,
    needed,
    migrationsAdded: changes.some(({ action, path }) => action === "create" && paths.has(path)),
    migrationsChanged: changes.some(({ action, path }) => action === "update" && paths.has(path)),
  };
}

async function planFile(
  root: string,
  { path, content }: SourceFile,
  installed: string | undefined,
  force: boolean,
): Promise<Change | null> {
  const present = await readText(join(root, path));
  if (present === content) return null;
  if (present === null) return { action: "create", path, note: null, content };
  if (installed === hashOf(present)) return { action: "update", path, note: null, content };
  const note =
    installed === undefined ? "not installed by mayfly init" : "changed since it was installed";
  return force
    ? { action: "update", path, note, content }
    : { action: "keep", path, note, content: null };
}

/**
 * A file that is no longer part of Mayfly. If it was changed, it stays and belongs to the project from now
 * on.
 */
async function planRemoval(root: string, path: string, installed: string): Promise<Change | null> {
  const present = await readText(join(root, path));
  if (present === null) return null;
  const note = "no longer part of Mayfly";
  const action = hashOf(present) === installed ? "delete" : "keep";
  return { action, path, note, content: null };
}

async function planConfig(root: string, entries: FunctionEntry[]): Promise<Change | null> {
  const path = "supabase/config.toml";
  const present = await readText(join(root, path));
  if (present === null) {
    const text = `project_id = ${JSON.stringify(basename(root))}\n\n[db]\nmajor_version = 17\n`;
    const { text: content } = editConfig(text, entries);
    return { action: "create", path, note: "the folder is not a Supabase project yet", content };
  }
  // If the prefix has changed, the entries with the old names are removed.
  const { text: content, changes } = editConfig(withoutOthers(present, entries), entries);
  return changes.length === 0 ? null : { action: "edit", path, note: changes.join(", "), content };
}

/** Refuses a project's function with one of our names: the Supabase CLI finds it even without an entry. */
async function refuseForeignFunctions(root: string, entries: FunctionEntry[]): Promise<void> {
  for (const file of ["config.json", "config.jsonc"])
    if (await exists(join(root, "supabase", file)))
      throw new Failure(`The project is configured by supabase/${file}.`, {
        hint: "mayfly init edits only config.toml. Move the settings there, or add Mayfly's settings by hand.",
      });
  for (const { name } of entries)
    if (await exists(join(root, "supabase/functions", name)))
      throw new Failure(
        `The project already has another function ${name}, in supabase/functions/${name}.`,
        {
          hint: "Mayfly has a function of this name too. Give Mayfly's functions a prefix: mayfly init --prefix mayfly-",
        },
      );
}

/** The file that init writes last. From this file, a later init knows what this init has installed. */
export const manifestText = ({ manifest }: Plan): string =>
  `${JSON.stringify(manifest, null, 2)}\n`;
export { manifestPath };

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}
