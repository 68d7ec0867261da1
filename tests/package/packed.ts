/** The packed SDK, installed in a new folder as a user would have it. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { once } from "#harness/once";
import { buildPackages } from "../../scripts/build-packages.ts";

export const root = join(import.meta.dirname, "../..");
export const command = promisify(execFile);

export interface Packed {
  /** The folder of the consumer, with node_modules. */
  folder: string;
  tarball: string;
  /** The folder of the SDK, as `npm install` has put it there. */
  installed: string;
  /** Writes a file of the consumer, and returns its path. */
  write(name: string, text: string): Promise<string>;
  /**
   * Another consumer with another supabase-js.
   *
   * @param modules the node_modules from which it is taken.
   * @returns its folder.
   */
  beside(name: string, modules: string): Promise<string>;
  remove(): Promise<void>;
}

/** The folder of the SDK's package, and its tarball in the same folder. */
export const packSdk = () =>
  once("packed-sdk", async (folder) => {
    const { sdk = "" } = await buildPackages(folder, ["sdk"]);
    return { folder, tarball: sdk };
  });

export async function installPacked(): Promise<Packed> {
  const { tarball } = await packSdk();
  const folder = await mkdtemp(join(tmpdir(), "mayfly-package-"));
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
  // Only the dependencies of the package itself.
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
      // The SDK is copied, because a linked SDK would find the imports of the first consumer.
      await cp(installed, join(consumer, "node_modules/@mayfly/sdk"), { recursive: true });
      await link(consumer, manifest.dependencies, join(root, "node_modules"));
      await link(consumer, manifest.peerDependencies, modules);
      return consumer;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
