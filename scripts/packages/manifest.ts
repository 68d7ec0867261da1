/** What the manifests of all our packages have in common. */
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
}

export const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(root, folder, "package.json"), "utf8")) as Manifest;

/** How every package of ours is published. `repository` is that of the workflow which publishes it. */
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
    // npm shows from which commit and by which workflow the tarball was made.
    publishConfig: { access: "public", provenance: true },
  };
}

/** What is used from within, such as a method that its types leave out: tried with one version alone. */
const exact = ["@electric-sql/pglite", "@supabase/lite"];

/** The exact versions of this repository as ranges: a person's project has one copy of each. */
export const ranges = (dependencies: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(dependencies).map(([name, version]) => [
      name,
      /^\d/.test(version) && !exact.includes(name) ? `^${version}` : version,
    ]),
  );

export const writeJson = (path: string, value: object): Promise<void> =>
  writeFile(path, `${JSON.stringify(value, null, 2)}\n`);

/** What stands in every package for people, and for the programs that write code for them. */
export async function copyTexts(from: string, folder: string, readme = "README.md"): Promise<void> {
  await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
  await cp(join(root, from, readme), join(folder, "README.md"));
  await cp(join(root, from, "AGENTS.md"), join(folder, "AGENTS.md"));
}
