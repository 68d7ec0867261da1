// Builds every package of ours and packs it:
//   npm run build:packages              into dist/packages
//   npm run build:packages -- <folder>  into another
import { execFile } from "node:child_process";
import { mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { buildPackage as buildSdk } from "./build-package.ts";
import { buildCli } from "./packages/cli.ts";
import { buildCreate } from "./packages/create.ts";
import { buildLocal } from "./packages/local.ts";
import { root } from "./packages/manifest.ts";
import { buildTesting } from "./packages/testing.ts";

const builders = {
  sdk: buildSdk,
  local: buildLocal,
  mayfly: buildCli,
  testing: buildTesting,
  create: buildCreate,
};
export type PackageName = keyof typeof builders;

/** The packages and their tarballs, by the names of their folders. */
export type Tarballs = Record<PackageName, string>;

/** Builds into `folder/<name>`, and packs into `folder/<name>.tgz`. */
export async function buildPackages(
  folder: string,
  names = Object.keys(builders) as PackageName[],
): Promise<Partial<Tarballs>> {
  await mkdir(folder, { recursive: true });
  const made = names.map(async (name) => {
    const built = join(folder, name);
    await rm(built, { recursive: true, force: true });
    await mkdir(built, { recursive: true });
    await builders[name](built);
    return [name, await pack(built, folder)] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

async function pack(built: string, folder: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    { cwd: built, maxBuffer: 1 << 26 },
  );
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, packed.filename);
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, "dist/packages"));
  for (const tarball of Object.values(await buildPackages(folder)))
    console.log(`${tarball}  ${((await stat(tarball)).size / 1_000).toFixed(0)} kB`);
}
