/** The common parts of the manifests of all our packages. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Manifest {
  name: string;
  version: string;
  description: string;
  dependencies: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, object>;
  exports?: Record<string, string>;
  bin?: Record<string, string>;
}

export const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(root, folder, "package.json"), "utf8")) as Manifest;

/** How all our packages are published. `repository` is the repository that contains the publishing workflow. */
export function published(directory: string): object {
  const { GITHUB_REPOSITORY: name, GITHUB_SERVER_URL: server = "https://github.com" } = process.env;
  const url = `${server}/${name}`;
  return {
    license: "Apache-2.0",
    ...(name && {
      repository: { type: "git", url: `git+${url}.git`, directory },
      homepage: `${url}#readme`,
      bugs: { url: `${url}/issues` },
    }),
    // npm shows from which commit and workflow a tarball was made.
    publishConfig: { access: "public", provenance: true },
  };
}

/** Packages whose internals we use, such as a method without types. We test these with one exact version only. */
const exact = ["@electric-sql/pglite", "@supabase/lite"];

/** The exact versions of this repository as ranges, so that a user's project has one copy of each. */
export const ranges = (dependencies: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(dependencies).map(([name, version]) => [
      name,
      /^\d/.test(version) && !exact.includes(name) ? `^${version}` : version,
    ]),
  );

export const writeJson = (path: string, value: object): Promise<void> =>
  writeFile(path, `${JSON.stringify(value, null, 2)}\n`);

/** Copies the files that every package has for people, and for programs that write code. */
export async function copyTexts(from: string, folder: string, readme = "README.md"): Promise<void> {
  await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
  await cp(join(root, from, readme), join(folder, "README.md"));
  await cp(join(root, from, "AGENTS.md"), join(folder, "AGENTS.md"));
}
