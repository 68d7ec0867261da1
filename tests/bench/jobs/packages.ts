/**
 * The packages with which jobs are compared. They are dependencies of a package of their own, so that `npm
 * install` in the repository does not install them.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import postgres from "postgres";

const folder = join(import.meta.dirname, "opponents");
const require = createRequire(join(folder, "package.json"));

/** Installs the versions in package-lock.json, unless they are installed already. */
export function installOpponents(): void {
  if (existsSync(join(folder, "node_modules/.package-lock.json"))) return;
  console.log("Installing what jobs are measured against (once).");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
}

/** Loads one of these modules. Its types are declared where it is used, because it may not be installed. */
export const load = async <Module>(name: string): Promise<Module> =>
  (await import(require.resolve(name))) as Module;

/** Loads a file of one of these modules, even if the module does not export it. */
export const loadFile = async <Module>(path: string): Promise<Module> =>
  (await import(join(folder, "node_modules", path))) as Module;

/** An empty database for an opponent, in the same cluster as ours. */
export async function emptyDatabase(name: string): Promise<{ url: string; drop(): Promise<void> }> {
  const cluster = process.env.DATABASE_URL ?? "";
  const database = `mayfly_bench_${name}_${process.pid}`;
  const admin = postgres(cluster, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${database}`);
  const url = new URL(cluster);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    async drop() {
      await admin.unsafe(`drop database if exists ${database} with (force)`);
      await admin.end();
    },
  };
}
