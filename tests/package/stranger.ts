/** All our packages, packed and unpacked like `npm install` does, with their dependencies. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { inTurn, once } from "#harness/once";
import { buildConsole } from "../../scripts/build-console.ts";
import { buildPackages, packageNames } from "../../scripts/build-packages.ts";
import { adapters } from "../../scripts/packages/adapter.ts";
import { type Ran, startCli } from "../cli/run.ts";
import { command, packSdk, root } from "./packed.ts";

const installedAs: Record<string, string> = {
  sdk: "@mayfly/sdk",
  local: "@mayfly/local",
  mayfly: "mayfly",
  testing: "@mayfly/testing",
  create: "create-mayfly",
  ...Object.fromEntries(adapters.map((name) => [name, `@mayfly/${name}`])),
};

export interface Installed {
  /** The folder of the tarballs. */
  tarballs: string;
  /** The folder from which a package was packed. */
  built(name: string): string;
  tarball(name: string): string;
  /** The packed command line. */
  cli: string;
  /** The parent of the folders of users in this test file. */
  people: string;
  /** A folder of a user with all packages installed. */
  folder(name: string): Promise<string>;
  /** Puts all packages into the node_modules of an existing folder. */
  install(folder: string): Promise<void>;
  mayfly(cwd: string, ...words: string[]): Promise<Ran>;
  remove(): Promise<void>;
}

/** Builds, packs and unpacks all packages, and returns the tarballs by the names of the packages' folders. */
async function packAll(place: string): Promise<Record<string, string>> {
  const [sdk] = await Promise.all([packSdk(), inTurn("console", buildConsole)]);
  await cp(sdk.folder, place, { recursive: true });
  const others = packageNames.filter((name) => name !== "sdk");
  const tarballs: Record<string, string> = {
    sdk: join(place, basename(sdk.tarball)),
    ...(await buildPackages(place, others)),
  };
  const modules = join(place, "node_modules");
  const wanted = new Set<string>();
  for (const [name, tarball] of Object.entries(tarballs)) {
    const at = join(modules, installedAs[name] ?? name);
    await mkdir(at, { recursive: true });
    await command("tar", ["-xzf", tarball, "-C", at, "--strip-components=1"]);
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(
      await readFile(join(at, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    for (const one of Object.keys({ ...dependencies, ...peerDependencies })) wanted.add(one);
  }
  // An application's own packages, which the templates need.
  wanted.add("ai");
  for (const name of Object.values(installedAs)) wanted.delete(name);
  for (const name of wanted) {
    const at = join(modules, name);
    await mkdir(dirname(at), { recursive: true });
    await symlink(join(root, "node_modules", name), at);
  }
  return tarballs;
}

export async function installAll(): Promise<Installed> {
  const { place, tarballs } = await once("packages", async (folder) => ({
    place: folder,
    tarballs: await packAll(folder),
  }));
  const people = await mkdtemp(join(tmpdir(), "mayfly-people-"));
  const modules = join(place, "node_modules");
  const install = (folder: string) => symlink(modules, join(folder, "node_modules"));
  const cli = join(modules, "mayfly/cli.js");
  return {
    tarballs: place,
    people,
    install,
    built: (name) => join(place, name),
    tarball: (name) => tarballs[name] as string,
    cli,
    async folder(name) {
      const folder = join(people, name);
      await mkdir(folder, { recursive: true });
      if ((await readdir(folder)).length === 0) await install(folder);
      return folder;
    },
    mayfly: (cwd, ...words) => startCli(words, { cwd, cli }).ended,
    remove: () => rm(people, { recursive: true, force: true }),
  };
}
