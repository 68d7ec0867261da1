/** The packed SDK, installed in a folder of its own as a stranger would have it. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
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
  };
  // Only what the package itself asks for.
  for (const name of Object.keys(manifest.dependencies)) {
    const at = join(folder, "node_modules", name);
    await mkdir(dirname(at), { recursive: true });
    await symlink(join(root, "node_modules", name), at);
  }
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
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
