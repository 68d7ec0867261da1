/** The packed SDK, installed in a folder of its own as a stranger would have it. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildPackage } from "../../scripts/build-package.ts";

export const root = join(import.meta.dirname, "../..");
export const command = promisify(execFile);

export interface Packed {
  /** Of the consumer, with node_modules. */
  folder: string;
  tarball: string;
  /** As `npm install` has put it there. */
  installed: string;
  /** Writes a file of the consumer, and returns its path. */
  write(name: string, text: string): Promise<string>;
  /**
   * A consumer of its own that has another supabase-js.
   *
   * @param modules the node_modules that it is taken from.
   * @returns its folder.
   */
  beside(name: string, modules: string): Promise<string>;
  remove(): Promise<void>;
}

export async function installPacked(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-package-"));
  const built = join(folder, "built");
  await buildPackage(built);
  const { stdout } = await command("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: built,
  });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  const tarball = join(folder, packed.filename);
  const installed = join(folder, "node_modules/@mayfly/sdk");
  await mkdir(installed, { recursive: true });
  await command("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  const link = async (consumer: string, names: object, modules: string) => {
    for (const name of Object.keys(names)) {
      const at = join(consumer, "node_modules", name);
      await mkdir(dirname(at), { recursive: true });
      await symlink(join(modules, name), at);
    }
  };
  // Only what the package itself asks for.
  await link(folder, manifest.dependencies, join(root, "node_modules"));
  await link(folder, manifest.peerDependencies, join(root, "node_modules"));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  await write("package.json", JSON.stringify({ private: true, type: "module" }));
  return {
    folder,
    tarball,
    installed,
    write,
    async beside(name, modules) {
      const consumer = join(folder, name);
      // A copy: a link would find what it imports beside the first.
      await cp(installed, join(consumer, "node_modules/@mayfly/sdk"), { recursive: true });
      await link(consumer, manifest.dependencies, join(root, "node_modules"));
      await link(consumer, manifest.peerDependencies, modules);
      return consumer;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
