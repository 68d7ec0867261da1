/** The files that the rules of the house apply to. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface SourceFile {
  /** Relative to the root of the repository, with slashes. */
  file: string;
  text: string;
}

/** The folders of the repository with files that we write. */
const folders = [
  "adapters",
  "cli",
  "console",
  "create",
  "docs",
  "examples",
  "functions",
  "local",
  "scripts",
  "sdk",
  "sql",
  "supabase",
  "testing",
  "tests",
];

const isOurs = (path: string) =>
  !/(^|\/)(node_modules|dist|\.[^/]+)\//.test(path) &&
  (/\.(ts|tsx|js|mjs|sql|css|html|md|sh)$/.test(path) || path.endsWith("package.json"));

/** Every file in these folders, sorted by path. */
export async function readTree(root: string): Promise<SourceFile[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const inside = await readdir(join(root, folder), { recursive: true }).catch(() => []);
      return inside.map((path) => `${folder}/${path.replaceAll("\\", "/")}`);
    }),
  );
  const top = await readdir(root);
  const files = [...found.flat(), ...top].filter(isOurs).sort();
  return Promise.all(
    files.map(async (file) => ({ file, text: await readFile(join(root, file), "utf8") })),
  );
}
