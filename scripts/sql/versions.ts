/** Writes the version of the next release into every file that has one. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SqlFile } from "./order.ts";

interface Manifest {
  name?: string;
  version?: string;
  workspaces?: string[];
  dependencies?: Record<string, string>;
  packages?: Record<string, Manifest>;
}

const read = (path: string) =>
  readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });

/** The database's own record of releases: `sql/base/functions/release.sql`. */
const releaseFunction = (installed: string, serves: string) => `\
-- The release of Mayfly whose migrations this database has, and the oldest release whose edge functions and SDK the
-- database serves. Written by npm run build:migrations from sql/releases.json. Called by check_version and
-- installation.

create function mayfly_private.release()
returns jsonb
language sql immutable parallel safe
set search_path = ''
return '{"installed": "${installed}", "serves": "${serves}"}'::jsonb;

comment on function mayfly_private.release is 'Which release this database has, and the oldest one that it serves.';
`;

/**
 * @param serves the oldest release whose callers still work: the previous one. For the first
 * release, this is the release itself.
 *
 * @returns the wrong files, each with the right text.
 */
export async function versionFiles(
  root: string,
  version: string,
  serves: string,
): Promise<Map<string, string>> {
  const wanted = new Map([["sql/base/functions/release.sql", releaseFunction(version, serves)]]);
  const source = await read(join(root, "sdk/src/contract/version.ts"));
  if (source !== null)
    wanted.set(
      "sdk/src/contract/version.ts",
      source.replace(/version = "[^"]*"/, `version = "${version}"`),
    );

  const set = (manifest: Manifest) => {
    manifest.version = version;
    for (const name of Object.keys(manifest.dependencies ?? {}))
      if (manifest.dependencies && name.startsWith("@mayfly/"))
        manifest.dependencies[name] = version;
  };
  const main = await read(join(root, "package.json"));
  if (main !== null) {
    const folders = ["", ...((JSON.parse(main) as Manifest).workspaces ?? [])];
    for (const folder of folders) {
      const path = join(folder, "package.json");
      const manifest = JSON.parse((await read(join(root, path))) ?? "{}") as Manifest;
      set(manifest);
      wanted.set(path, `${JSON.stringify(manifest, null, 2)}\n`);
    }
    const lock = JSON.parse((await read(join(root, "package-lock.json"))) ?? "{}") as Manifest;
    lock.version = version;
    for (const folder of folders) {
      const entry = lock.packages?.[folder];
      if (entry) set(entry);
    }
    wanted.set("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
  }

  for (const [path, text] of wanted)
    if ((await read(join(root, path))) === text) wanted.delete(path);
  return wanted;
}

export async function writeFiles(root: string, files: Map<string, string>): Promise<void> {
  for (const [path, text] of files) await writeFile(join(root, path), text);
}

/**
 * Finds faults in deprecated objects, which exist only for callers of the previous release. They belong in
 * `sql/<room>/deprecated/`, name the release that deprecated them, and are removed in the release after that.
 */
export function deprecatedFaults(sources: SqlFile[], version: string): string[] {
  return sources
    .filter(({ file }) => /^sql\/\w+\/deprecated\//.test(file))
    .flatMap(({ file, text }) => {
      const since = /^-- Deprecated since (\d+\.\d+\.\d+)\b/.exec(text)?.[1];
      if (since === undefined)
        return [
          `${file} must begin with "-- Deprecated since ${version}", and say what replaces it.`,
        ];
      if (since === version) return [];
      return [`${file} was deprecated with ${since}, which is released: ${version} leaves it out.`];
    });
}

/**
 * The number of the next release's first migration. It is made from today's date, but is always
 * above every released number.
 */
export async function nextNumber(migrations: string, today: Date): Promise<string> {
  const day = `${today.toISOString().slice(0, 10).replaceAll("-", "")}000000`;
  const last = (await readdir(migrations)).flatMap((name) => /^\d+/.exec(name)?.[0] ?? []).sort();
  const above = BigInt(last.at(-1) ?? 0) + 1n;
  return BigInt(day) > above ? day : String(above);
}
