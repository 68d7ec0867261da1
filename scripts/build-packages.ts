// Builds and packs each of our packages:
//   npm run build:packages              into dist/packages
//   npm run build:packages -- <folder>  into another folder
import { execFile } from "node:child_process";
import { mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { readArguments } from "../examples/arguments.ts";
import { buildPackage as buildSdk } from "./build-package.ts";
import { adapters, buildAdapter } from "./packages/adapter.ts";
import { buildCli } from "./packages/cli.ts";
import { buildCreate } from "./packages/create.ts";
import { buildLocal } from "./packages/local.ts";
import { root } from "./packages/manifest.ts";
import { buildTesting } from "./packages/testing.ts";

const builders: Record<string, (folder: string) => Promise<void>> = {
  sdk: buildSdk,
  local: buildLocal,
  mayfly: buildCli,
  testing: buildTesting,
  create: buildCreate,
  ...Object.fromEntries(adapters.map((name) => [name, buildAdapter(name)])),
};

export const packageNames = Object.keys(builders);

/**
 * Builds into `folder/<name>`, and puts the tarball next to it.
 *
 * @returns the tarballs, by the names of the packages' folders.
 */
export async function buildPackages(
  folder: string,
  names = packageNames,
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true });
  const made = names.map(async (name) => {
    const built = join(folder, name);
    await rm(built, { recursive: true, force: true });
    await mkdir(built, { recursive: true });
    await builders[name]?.(built);
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
  const folder = resolve(readArguments("[folder]").words[0] ?? join(root, "dist/packages"));
  for (const tarball of Object.values(await buildPackages(folder)))
    console.log(`${tarball}  ${((await stat(tarball)).size / 1_000).toFixed(0)} kB`);
}
