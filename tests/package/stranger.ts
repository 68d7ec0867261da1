/** All packages of ours, packed and unpacked as `npm install` puts them, beside what they ask for. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildPackages, type PackageName } from "../../scripts/build-packages.ts";
import { type Ran, startCli } from "../cli/run.ts";
import { command, root } from "./packed.ts";

const installedAs: Record<PackageName, string> = {
  sdk: "@mayfly/sdk",
  local: "@mayfly/local",
  mayfly: "mayfly",
  testing: "@mayfly/testing",
  create: "create-mayfly",
};

export interface Installed {
  /** Where the tarballs are, and everything else of this. */
  place: string;
  /** The folder that a package was packed from. */
  built(name: PackageName): string;
  tarball(name: PackageName): string;
  /** The packed command line. */
  cli: string;
  /** A folder of a person's, with all of it installed. */
  folder(name: string): Promise<string>;
  /** Puts all of it into a folder that is there, as node_modules. */
  install(folder: string): Promise<void>;
  mayfly(cwd: string, ...words: string[]): Promise<Ran>;
  remove(): Promise<void>;
}

export async function installAll(): Promise<Installed> {
  const place = await mkdtemp(join(tmpdir(), "mayfly-packages-"));
  const tarballs = await buildPackages(place);
  const modules = join(place, "node_modules");
  const wanted = new Set<string>();
  for (const [name, tarball] of Object.entries(tarballs)) {
    const at = join(modules, installedAs[name as PackageName]);
    await mkdir(at, { recursive: true });
    await command("tar", ["-xzf", tarball, "-C", at, "--strip-components=1"]);
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(
      await readFile(join(at, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    for (const one of Object.keys({ ...dependencies, ...peerDependencies })) wanted.add(one);
  }
  // An application's own, which the templates ask for.
  wanted.add("ai");
  for (const name of Object.values(installedAs)) wanted.delete(name);
  for (const name of wanted) {
    const at = join(modules, name);
    await mkdir(dirname(at), { recursive: true });
    await symlink(join(root, "node_modules", name), at);
  }
  const install = (folder: string) => symlink(modules, join(folder, "node_modules"));
  const cli = join(modules, "mayfly/cli.js");
  return {
    place,
    install,
    built: (name) => join(place, name),
    tarball: (name) => tarballs[name] as string,
    cli,
    async folder(name) {
      const folder = join(place, "people", name);
      await mkdir(folder, { recursive: true });
      if ((await readdir(folder)).length === 0) await install(folder);
      return folder;
    },
    mayfly: (cwd, ...words) => startCli(words, { cwd, cli }).ended,
    remove: () => rm(place, { recursive: true, force: true }),
  };
}
