/** A project of an earlier release: its functions, its migrations and its SDK, as they are packed here. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const repository = join(import.meta.dirname, "../..");

export interface OldProject {
  /** The repository folder for `startLocal`. */
  root: string;
  remove(): Promise<void>;
}

/** The migrations of a release and of earlier ones, in order. */
export async function migrationsOf(version: string): Promise<string[]> {
  const { released } = JSON.parse(
    await readFile(join(repository, "sql/releases.json"), "utf8"),
  ) as { released: { version: string; migrations: Record<string, string> }[] };
  const last = released.findIndex((release) => release.version === version);
  if (last < 0) throw new Error(`sql/releases.json has no release ${version}.`);
  return released.slice(0, last + 1).flatMap(({ migrations }) => Object.keys(migrations));
}

/** A folder with the migrations of a release and of earlier ones. */
export async function copyMigrations(version: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of await migrationsOf(version))
    await cp(join(repository, file), join(folder, basename(file)));
}

/** @param functions those of the release, or those of the repository. */
export async function makeOldProject(
  version: string,
  functions: "old" | "new",
): Promise<OldProject> {
  const root = await mkdtemp(join(tmpdir(), `mayfly-${version}-`));
  await copyMigrations(version, join(root, "supabase/migrations"));
  const config = await readFile(join(repository, "supabase/config.toml"), "utf8");
  if (functions === "old") {
    const packed = join(import.meta.dirname, version, "functions");
    await cp(packed, join(root, "functions"), { recursive: true });
    const entries = config
      .replace(/^import_map = .*\n/gm, "")
      .replace(/^(entrypoint = ".*\/functions\/\w+)\/index\.ts"/gm, '$1.js"');
    await writeFile(join(root, "supabase/config.toml"), entries);
  } else {
    for (const folder of ["functions", "sdk"])
      await cp(join(repository, folder), join(root, folder), {
        recursive: true,
        filter: (path) => !/\/(node_modules|dist)$/.test(path),
      });
    await writeFile(join(root, "supabase/config.toml"), config);
  }
  await symlink(join(repository, "node_modules"), join(root, "node_modules"));
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}

type Method = (...given: unknown[]) => unknown;

/**
 * Counts the calls of each public method of an old SDK, by its path from the client, such as
 * `mayfly.tenants.create`. The classes are found by walking the objects, because the names of the classes are
 * minified.
 */
export class CallsOf {
  readonly all = new Set<string>();
  readonly called = new Set<string>();
  readonly #seen = new Set<object>();

  watch(name: string, object: object): void {
    for (
      let prototype = Object.getPrototypeOf(object) as object | null;
      prototype && prototype !== Object.prototype;
      prototype = Object.getPrototypeOf(prototype) as object | null
    ) {
      if (this.#seen.has(prototype)) continue;
      this.#seen.add(prototype);
      for (const key of Object.getOwnPropertyNames(prototype)) {
        const { value } = Object.getOwnPropertyDescriptor(prototype, key) ?? {};
        if (key === "constructor" || typeof value !== "function") continue;
        const label = `${name}.${key}`;
        this.all.add(label);
        const { called } = this;
        Object.defineProperty(prototype, key, {
          configurable: true,
          writable: true,
          value(this: unknown, ...given: unknown[]) {
            called.add(label);
            return (value as Method).apply(this, given);
          },
        });
      }
    }
  }
}
